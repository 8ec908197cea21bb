import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { removeVersions } from '../versions/delete-version.ts';
import { lockVersions } from '../versions/store.ts';
import { lockConnector } from './store.ts';

/**
 * `DELETE /connectors/{publicId}`: for good. What is in the bin is neither in flight nor in use; runs, builds, states
 * and audit events stay.
 */
export const deleteConnector = (
  context: Context,
  { subject }: Input<typeof operations.connectorDelete>,
): Promise<void> => deleteForGood(context, subject.id);

/** Deletes a connector that is in the bin. */
export async function deleteForGood(context: Context, id: string): Promise<void> {
  await inTransaction(context, async (work) => {
    const row = await lockConnector(work.db, id);
    if (row.deleted_at === null) throw refused('Connector must be in the bin.');
    await removeVersions(work, await lockVersions(work.db, id));
    await work.db.deleteFrom('connectors').where('id', '=', id).execute();
    await audit(work, {
      action: 'connector_delete',
      entity: { type: 'connector', id, name: row.name },
      connector: id,
      changes: [{ path: 'name', from: row.name, to: null }],
    });
  });
}
