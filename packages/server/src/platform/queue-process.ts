import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { Refusal, refused } from '../errors.ts';
import { newId } from '../ids.ts';

export interface NewProcess {
  site: number;
  action: 'import' | 'all' | 'run';
  trigger: 'manual' | 'schedule' | 'run';
}

/**
 * Queues a process of a site and wakes a worker, in the caller's transaction.
 *
 * @returns its id
 * @throws 409 while another process of the site waits
 */
export async function queueProcess(
  { db, actor, services }: Context & { db: Work },
  { site, action, trigger }: NewProcess,
): Promise<string> {
  const id = newId();
  const { rows } = await sql`
    INSERT INTO processes (id, site_id, action, status, trigger, triggered_by, steps)
    VALUES (${id}, ${site}, ${action}, 'queued', ${trigger}, ${actor.kind === 'system' ? null : actor.id}, '[]')
    ON CONFLICT (site_id) WHERE status = 'queued' DO NOTHING RETURNING id`.execute(db);
  if (rows.length === 0) throw new Refusal(409, { message: 'A process is already queued for this site.' });
  await db.updateTable('sites').set({ last_process: id }).where('id', '=', site).execute();
  await services.jobs.send(db, 'process', id);
  return id;
}

/** @throws 400 while a process of the site waits or runs */
export async function requireNoProcess(db: Work, site: number): Promise<void> {
  const row = await db
    .selectFrom('processes')
    .select('id')
    .where('site_id', '=', site)
    .where('status', 'in', ['queued', 'running'])
    .limit(1)
    .executeTakeFirst();
  if (row) throw refused('Site is being processed.');
}
