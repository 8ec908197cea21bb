import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { keepCheckpoints } from '../runs/checkpoints.ts';
import { keptDataSets, removeUnusedFiles } from './data-set-files.ts';
import type { ClaimedProcess, UsedSource } from './import-parts.ts';
import type { MergedFile } from './merge-sources.ts';

/** A user has cancelled the process; nothing is taken over. */
export class Cancelled extends Error {}

/**
 * Makes a merged file the site's data set, in one transaction with the end of the process: readers see the old rows or
 * the new ones. Older data sets are let go, the last three are kept; their files are removed afterwards.
 *
 * @param end ends the process, in the same transaction
 * @throws {Cancelled} when a cancel came first
 */
export async function takeOver(
  context: Context,
  process: ClaimedProcess,
  used: readonly UsedSource[],
  merged: MergedFile,
  end: (work: Context & { db: Work }) => Promise<void>,
): Promise<void> {
  await inTransaction(context, async (work) => {
    await requireOurs(work, process.id);
    const { id } = await work.db
      .insertInto('data_sets')
      .values({
        site_id: process.site,
        process_id: process.id,
        rows_import: merged.rows,
        rows_intermediate: merged.rows,
        columns: JSON.stringify(merged.columns),
        path: merged.name,
      })
      .returning('id')
      .executeTakeFirstOrThrow();
    await work.db.updateTable('sites').set({ data_set: id }).where('id', '=', process.site).execute();
    for (const { source, run, fresh } of used) {
      if (!fresh) continue;
      await rememberRows(work.db, source.id, run, fresh.rows);
      if (run !== null) await keepCheckpoints(work.db, work.services, run, 'all');
    }
    await work.db
      .updateTable('processes')
      .set({ sources: JSON.stringify(merged.sources.map(countsJson)) })
      .where('id', '=', process.id)
      .execute();
    await sql`
      DELETE FROM data_sets WHERE site_id = ${process.site} AND id NOT IN (
        SELECT id FROM data_sets WHERE site_id = ${process.site} ORDER BY id DESC LIMIT ${keptDataSets})`.execute(
      work.db,
    );
    await end(work);
  });
  await removeUnusedFiles(context.db, context.services.storage, process.site).catch((error) =>
    // The next take-over removes them.
    context.services.log.warn({ err: error, site: process.site }, 'old data sets could not be removed'),
  );
}

const countsJson = ({ id, rows, repeated, withoutId, unmatched }: MergedFile['sources'][number]) => ({
  id,
  rows,
  repeated,
  'without-id': withoutId,
  unmatched,
});

/** From here on a cancel comes too late; one that came before is heard. */
async function requireOurs({ db, services }: Context & { db: Work }, processId: string): Promise<void> {
  const row = await db
    .selectFrom('processes')
    .select(['status', 'worker_id', 'cancel_requested'])
    .where('id', '=', processId)
    .forUpdate()
    .executeTakeFirst();
  if (row?.status !== 'running' || row.worker_id !== services.workerId) {
    throw new Error('Another worker has taken the process over.');
  }
  if (row.cancel_requested) throw new Cancelled();
}

const rememberRows = (db: Work, source: number, run: string | null, rows: number) =>
  db.updateTable('data_sources').set({ rows, last_run: run }).where('id', '=', source).execute();
