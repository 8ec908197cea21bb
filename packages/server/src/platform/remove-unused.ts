import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { exportsToChannel } from '../versions/platform-references.ts';
import { removeMemberships } from './memberships.ts';

/** Deletes those of the channels, projects and accounts that nothing lies in or refers to (any more). */
export async function removeUnused(
  { db }: Context & { db: Work },
  given: { channels: readonly number[]; projects: readonly number[]; accounts: readonly number[] },
): Promise<void> {
  for (const id of given.channels) {
    if (!(await exportsToChannel(db, id))) await db.deleteFrom('channels').where('id', '=', id).execute();
  }
  for (const id of given.projects) {
    const { rows } = await sql`
      DELETE FROM projects WHERE id = ${id} AND NOT EXISTS (SELECT 1 FROM sites WHERE project_id = ${id})
      RETURNING id`.execute(db);
    if (rows.length > 0) await removeMemberships(db, 'project', id);
  }
  for (const id of given.accounts) {
    const { rows } = await sql`
      DELETE FROM accounts WHERE id = ${id} AND NOT EXISTS (SELECT 1 FROM projects WHERE account_id = ${id})
      RETURNING id`.execute(db);
    if (rows.length > 0) await removeMemberships(db, 'account', id);
  }
}
