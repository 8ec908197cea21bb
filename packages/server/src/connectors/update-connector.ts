import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { connectorJson, connectorRepresentation, lockConnector } from './store.ts';

/** `PATCH /connectors/{publicId}`: what is sent; the versions keep their own name, description and readme. */
export function updateConnector(
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdate>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await lockConnector(work.db, subject.id);
    const columns = {
      ...(body['connector-name'] === undefined ? {} : { name: body['connector-name'] }),
      ...(body['connector-description'] === undefined
        ? {}
        : { description: body['connector-description'] || null }),
      ...(body.readme === undefined ? {} : { readme: body.readme || null }),
    };
    const changes = changesBetween({ ...row }, columns);
    if (changes.length > 0) {
      await work.db
        .updateTable('connectors')
        .set({ ...columns, updated_at: sql<Date>`now()` })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'connector_update',
        entity: { type: 'connector', id: subject.id, name: columns.name ?? row.name },
        connector: subject.id,
        changes,
      });
    }
    return connectorJson(work.db, subject.id, connectorRepresentation(work.services.settings));
  });
}
