import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { notFound, refused, wrongState } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { isActivelyUsed } from '../versions/active-use.ts';
import { lockVersions } from '../versions/store.ts';
import { isInFlight } from '../versions/transitions.ts';
import { notify } from '../webhooks/notify.ts';
import { checkLimit } from './create-connector.ts';
import type { ConnectorSubject } from './resolver.ts';
import { binnedRepresentation, connectorJson, connectorRepresentation } from './store.ts';

/** `PATCH /connectors/{publicId}/move-to-bin`: states are kept, entries on dev sites are paused. */
export function moveToBin(
  context: Context,
  { subject }: Input<typeof operations.connectorMoveToBin>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    await lock(work.db, subject.id, 'outside');
    await refuseWhileUsed(work.db, subject.id);
    await sql`UPDATE connectors SET deleted_at = now(), updated_at = now() WHERE id = ${subject.id}`.execute(
      work.db,
    );
    await work.services.platform.setBinned(work.db, subject.id, true);
    await audit(work, {
      action: 'connector_move_to_bin',
      entity: { type: 'connector', id: subject.id, name: subject.name },
      connector: subject.id,
      changes: [{ path: 'deleted-at', from: null, to: await deletedAt(work.db, subject.id) }],
    });
    const json = await connectorJson(work.db, subject.id, binnedRepresentation);
    await tell(work, 'connector.binned', subject, json);
    return json;
  });
}

/** `PATCH /connectors/{movedToBinPublicId}/restore-from-bin` */
export function restoreFromBin(
  context: Context,
  { subject }: Input<typeof operations.connectorRestoreFromBin>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    await lock(work.db, subject.id, 'inside');
    await checkLimit(work.db, { id: subject.ownerId, kind: subject.ownerKind });
    const from = await deletedAt(work.db, subject.id);
    await sql`UPDATE connectors SET deleted_at = NULL, updated_at = now() WHERE id = ${subject.id}`.execute(
      work.db,
    );
    await work.services.platform.setBinned(work.db, subject.id, false);
    await audit(work, {
      action: 'connector_restore_from_bin',
      entity: { type: 'connector', id: subject.id, name: subject.name },
      connector: subject.id,
      changes: [{ path: 'deleted-at', from, to: null }],
    });
    const json = await connectorJson(work.db, subject.id, connectorRepresentation(work.services.settings));
    await tell(work, 'connector.restored', subject, json);
    return json;
  });
}

const tell = (
  work: Context & { db: Work },
  event: 'connector.binned' | 'connector.restored',
  { ownerId }: ConnectorSubject,
  json: RawJson,
): Promise<void> => notify(work, event, { owners: async () => [ownerId], data: async () => json });

/** Locks the connector; somebody else may have moved it since it was looked up. */
async function lock(db: Work, id: string, place: 'inside' | 'outside'): Promise<void> {
  const { rows } = await sql<{ binned: boolean }>`
    SELECT deleted_at IS NOT NULL AS binned FROM connectors WHERE id = ${id} FOR UPDATE`.execute(db);
  if (rows[0]?.binned !== (place === 'inside')) throw notFound('Connector');
}

/** @throws 400 when a version is actively used (3.5), or background work is changing one */
async function refuseWhileUsed(db: Work, connectorId: string): Promise<void> {
  const versions = await lockVersions(db, connectorId);
  if (await isActivelyUsed(db, versions)) throw refused('Connector is actively used on the platform.');
  const busy = versions.find((version) => isInFlight(version.state));
  if (busy) throw wrongState(busy.state);
}

async function deletedAt(db: Work, id: string): Promise<string | null> {
  const { rows } = await sql<{ time: string | null }>`
    SELECT wire_time(deleted_at) AS time FROM connectors WHERE id = ${id}`.execute(db);
  return rows[0]?.time ?? null;
}
