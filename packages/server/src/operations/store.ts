import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';

/** A background operation as the API shows it (3.6), from the row of `states` under the alias `s`. */
export const stateRepresentation = sql`json_build_object(
  'id', s.id, 'status', s.status, 'name', s.name, 'owner', s.owner_id, 'created', wire_time(s.created_at),
  'config', s.config, 'data', coalesce(s.data, '[]'::json))`;

/** JSON text and status of one state; null when it is gone. */
export async function readState(db: Database, id: string): Promise<{ json: string; status: string } | null> {
  const { rows } = await sql<{ json: string; status: string }>`
    SELECT (${stateRepresentation})::text AS json, s.status FROM states s WHERE s.id = ${id}`.execute(db);
  return rows[0] ?? null;
}

/** `done` or `failed`; null while the operation goes on. */
export async function settledStatus(db: Database, id: string): Promise<string | null> {
  const row = await db.selectFrom('states').select('status').where('id', '=', id).executeTakeFirst();
  return row?.status === 'pending' ? null : (row?.status ?? 'failed');
}

/** Gives the background operations that one user started to another. */
export async function giveStates(db: Work, from: string, to: string): Promise<void> {
  await db.updateTable('states').set({ owner_id: to }).where('owner_id', '=', from).execute();
}
/** Background operations other than builds that wait or run, for the queue of the server. */
export const queuedStates = sql`
  SELECT s.id, 'state' AS kind, s.name, CASE WHEN s.worker_id IS NULL THEN 'queued' ELSE 'running' END AS status,
    s.worker_id AS worker, s.created_at, s.started_at
  FROM states s WHERE s.status = 'pending' AND s.name <> 'build'`;
