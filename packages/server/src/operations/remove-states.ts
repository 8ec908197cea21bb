import type { Work } from '../database/database.ts';
import { removeLogs } from '../events/log-store.ts';

/**
 * Removes the records of a connector's background operations, its builds among them, with their logs. None of them is
 * pending.
 */
export async function removeStatesOf(db: Work, connectorId: string): Promise<void> {
  const removed = await db
    .deleteFrom('states')
    .where('connector_id', '=', connectorId)
    .returning('id')
    .execute();
  await db.deleteFrom('builds').where('connector_id', '=', connectorId).execute();
  await removeLogs(
    db,
    removed.map(({ id }) => id),
  );
}
