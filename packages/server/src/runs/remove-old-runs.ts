import { type RawBuilder, sql } from 'kysely';
import { inTransaction } from '../context.ts';
import type { Database } from '../database/database.ts';
import { removeLogsOf } from '../events/log-store.ts';
import { systemContext } from '../operations/system-context.ts';
import type { Services } from '../services.ts';
import { removeRuns } from './remove-runs.ts';

/** So many runs are looked at in one step: their folders are removed one after the other. */
const atOnce = 100;

/** SQL: the run ended so many days ago, and it is not the latest of its connector. Alias `r`. */
const isOld = (days: number): RawBuilder<boolean> => sql<boolean>`
  (r.created_at < now() - make_interval(days => ${days}) AND r.finished_at < now() - make_interval(days => ${days})
    AND EXISTS (SELECT 1 FROM runs l WHERE l.connector_id = r.connector_id
      AND (l.created_at, l.id) > (r.created_at, r.id)))`;

/** Removes the rows and files of old runs, but for those that sources of sites go on contributing. */
export async function removeOldRows(services: Services, days: number): Promise<void> {
  const used = await services.platform.runsInUse(services.db);
  let found: number;
  do {
    const { rows } = await sql<{ id: string }>`
      UPDATE runs SET input_available = false, output_available = false WHERE id IN (
        SELECT r.id FROM runs r WHERE (r.input_available OR r.output_available) AND ${isOld(days)}
          AND r.id <> ALL(${used}::uuid[]) LIMIT ${atOnce})
      RETURNING id`.execute(services.db);
    for (const { id } of rows) await services.storage.remove('runs', id);
    found = rows.length;
  } while (found === atOnce);
}

/** Removes the log lines of old runs. */
export const removeOldRunLogs = (db: Database, days: number): Promise<void> =>
  removeLogsOf(db, days, sql`SELECT r.id FROM runs r WHERE ${isOld(days)}`);

/** Removes old runs with all they left. */
export async function removeOldRuns(services: Services, days: number): Promise<void> {
  const used = await services.platform.runsInUse(services.db);
  let found: number;
  do {
    const { rows } = await sql<{ id: string }>`
      SELECT r.id FROM runs r WHERE ${isOld(days)} AND r.id <> ALL(${used}::uuid[]) LIMIT ${atOnce}`.execute(
      services.db,
    );
    const ids = rows.map(({ id }) => id);
    if (ids.length > 0) await inTransaction(systemContext(services), (work) => removeRuns(work, ids));
    for (const id of ids) await services.storage.remove('runs', id);
    found = ids.length;
  } while (found === atOnce);
}
