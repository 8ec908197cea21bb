import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { removeLogs } from '../events/log-store.ts';

/**
 * Removes the records of a connector's runs; see {@link removeRuns}.
 *
 * @returns their ids
 */
export async function removeRunsOf(context: Context & { db: Work }, connectorId: string): Promise<string[]> {
  const rows = await context.db
    .selectFrom('runs')
    .select('id')
    .where('connector_id', '=', connectorId)
    .forUpdate()
    .execute();
  const ids = rows.map(({ id }) => id);
  if (ids.length > 0) await removeRuns(context, ids);
  return ids;
}

/**
 * Removes the records of runs with their logs and sealed values. None of them lives; the caller removes their folders
 * when that is certain.
 */
export async function removeRuns(
  { db, services }: Context & { db: Work },
  ids: readonly string[],
): Promise<void> {
  const removed = await db
    .deleteFrom('runs')
    .where('id', 'in', ids)
    .returning('sealed_values as sealed')
    .execute();
  await services.vault.remove(db, ...removed.map(({ sealed }) => sealed).filter((id) => id !== null));
  await removeLogs(db, ids);
}
