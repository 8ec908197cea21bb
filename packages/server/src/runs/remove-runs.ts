import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { removeLogs } from '../events/log-store.ts';

/**
 * Removes the records of a connector's runs with their logs and sealed values. None of them lives; the caller removes
 * their folders when that is certain.
 *
 * @returns their ids
 */
export async function removeRunsOf(
  { db, services }: Context & { db: Work },
  connectorId: string,
): Promise<string[]> {
  const removed = await db
    .deleteFrom('runs')
    .where('connector_id', '=', connectorId)
    .returning(['id', 'sealed_values as sealed'])
    .execute();
  const ids = removed.map(({ id }) => id);
  await services.vault.remove(db, ...removed.map(({ sealed }) => sealed).filter((id) => id !== null));
  await removeLogs(db, ids);
  return ids;
}
