import { type RawBuilder, sql } from 'kysely';
import { contains } from '../database/contains.ts';
import type { Database } from '../database/database.ts';
import { RawJson } from '../json.ts';

/** Representations of 6.1, keys in the contract's order. Each reads its row under the alias that is named. */

const times = (alias: string): RawBuilder<unknown> =>
  sql`'created-at', wire_time(${sql.ref(`${alias}.created_at`)}), 'updated-at', wire_time(${sql.ref(`${alias}.updated_at`)})`;

/** Alias `a`. */
export const accountJson: RawBuilder<unknown> = sql`json_build_object('id', a.id, 'name', a.name, ${times('a')})`;

/** Alias `p`. */
export const projectJson: RawBuilder<unknown> = sql`json_build_object(
  'id', p.id, 'account-id', p.account_id, 'name', p.name, ${times('p')})`;

const currentRows = sql`coalesce(
  (SELECT json_build_object('import', d.rows_import, 'intermediate', d.rows_intermediate)
   FROM data_sets d WHERE d.id = s.data_set),
  json_build_object('import', NULL, 'intermediate', NULL))`;

/** At most one process of a site runs and one waits, and the database has an index for each. */
const processingStatus = sql`CASE
  WHEN EXISTS (SELECT 1 FROM processes r WHERE r.site_id = s.id AND r.status = 'running') THEN 'running'
  WHEN EXISTS (SELECT 1 FROM processes r WHERE r.site_id = s.id AND r.status = 'queued') THEN 'queued'
  ELSE 'idle' END`;

/** Alias `s`. */
export const siteJson: RawBuilder<unknown> = sql`json_build_object(
  'id', s.id, 'project-id', s.project_id,
  'account-id', (SELECT y.account_id FROM projects y WHERE y.id = s.project_id),
  'name', s.name, 'status', s.status, 'id-column', s.id_column, 'shrink-guard', s.shrink_guard,
  'processing-status', ${processingStatus}, 'last-process', s.last_process, 'data-set', s.data_set,
  'rows', ${currentRows}, ${times('s')})`;

/** Alias `r`. */
export const processJson: RawBuilder<unknown> = sql`json_build_object(
  'id', r.id, 'site-id', r.site_id, 'action', r.action, 'target', r.target, 'status', r.status,
  'reason', r.reason, 'trigger', r.trigger, 'taken-over', r.taken_over, 'steps', r.steps,
  'created-at', wire_time(r.created_at), 'started-at', wire_time(r.started_at),
  'finished-at', wire_time(r.finished_at))`;

/** Alias `d`. */
export const dataSetJson: RawBuilder<unknown> = sql`json_build_object(
  'id', d.id, 'process-id', d.process_id,
  'current', d.id = (SELECT c.data_set FROM sites c WHERE c.id = d.site_id) IS TRUE,
  'rows', json_build_object('import', d.rows_import, 'intermediate', d.rows_intermediate),
  'created-at', wire_time(d.created_at))`;

/** Alias `r`, a process that took rows over. */
export const historyEntryJson: RawBuilder<unknown> = sql`json_build_object(
  'kind', 'import', 'process-id', r.id, 'export', NULL,
  'rows', (SELECT (step->>'rows-out')::integer FROM json_array_elements(r.steps) step WHERE step->>'kind' = 'take-over'),
  'sources', (SELECT coalesce(json_agg(json_build_object('id', source->'id', 'rows', source->'rows',
      'repeated', source->'repeated', 'unmatched', source->'unmatched') ORDER BY place), '[]')
    FROM json_array_elements(r.sources) WITH ORDINALITY AS sources(source, place)),
  'new', NULL, 'modified', NULL, 'deleted', NULL, 'unchanged', NULL, 'skipped', NULL, 'delivered', NULL,
  'started-at', wire_time(r.started_at), 'finished-at', wire_time(r.finished_at),
  'created-at', wire_time(r.created_at))`;

/**
 * Alias `n`.
 *
 * @param read has the caller read it?
 */
export const notificationJson = (read: RawBuilder<unknown>): RawBuilder<unknown> => sql`json_build_object(
  'id', n.id, 'level', n.level, 'message', n.message, 'source', n.source, 'process-id', n.process_id,
  'run-id', n.run_id, 'read', ${read}, 'created-at', wire_time(n.created_at))`;

/** Alias `e`. */
export const siteErrorJson: RawBuilder<unknown> = sql`json_build_object(
  'id', e.id, 'process-id', e.process_id, 'code', e.code, 'message', e.message, 'type', e.type,
  'classification', CASE e.type WHEN 'error' THEN 'high' WHEN 'warning' THEN 'medium' ELSE 'low' END,
  'count', e.count, 'data', json_build_object('samples', e.samples), 'created-at', wire_time(e.created_at))`;

/** What a `FROM table alias WHERE …` gives as JSON; null without a row. */
export async function findJson(
  db: Database,
  item: RawBuilder<unknown>,
  from: RawBuilder<unknown>,
): Promise<RawJson | null> {
  const { rows } = await sql<{ json: string }>`SELECT (${item})::text AS json FROM ${from}`.execute(db);
  return rows[0] ? new RawJson(rows[0].json) : null;
}

/** Like `findJson` for a row that was just written. */
export async function showJson(
  db: Database,
  item: RawBuilder<unknown>,
  from: RawBuilder<unknown>,
): Promise<RawJson> {
  const json = await findJson(db, item, from);
  if (!json) throw new Error('The row that was just written is gone.');
  return json;
}

/** Filters by `name`, when it is given. */
export const nameContains = (column: string, name: string | undefined): RawBuilder<boolean> =>
  name === undefined ? sql`true` : contains(column, name);

/** Processes that wait or run, for the queue of the server. */
export const queuedProcesses = sql`
  SELECT r.id, 'process' AS kind, s.name AS name, r.status, r.worker_id AS worker, r.created_at, r.started_at
  FROM processes r JOIN sites s ON s.id = r.site_id WHERE r.status IN ('queued', 'running')`;
