import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { lockVersions } from '../versions/store.ts';
import { isInProduction } from '../versions/transitions.ts';
import { connectorJson, connectorRepresentation, lockConnector } from './store.ts';

/** `PUT /connectors/{publicId}/main-version`: a version in production, or none. */
export function updateMainVersion(
  context: Context,
  { subject, body: { version: major } }: Input<typeof operations.connectorUpdateMainVersion>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await lockConnector(work.db, subject.id);
    if (major !== null) {
      // Locked, so that it does not leave production at the same moment.
      const version = (await lockVersions(work.db, subject.id)).find(
        (candidate) => candidate.major === major,
      );
      if (!version) throw badRequest({ version: 'Connector version not found.' });
      if (!isInProduction(version)) {
        throw badRequest({ version: 'Version must be released or enabled in production.' });
      }
    }
    if (row.main_version !== major) {
      await work.db
        .updateTable('connectors')
        .set({ main_version: major, updated_at: sql<Date>`now()` })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'connector_update_main_version',
        entity: { type: 'connector', id: subject.id, name: row.name },
        connector: subject.id,
        changes: [{ path: 'main-version-number', from: row.main_version, to: major }],
      });
    }
    return connectorJson(work.db, subject.id, connectorRepresentation(work.services.settings));
  });
}
