import { sql } from 'kysely';
import type { Work } from '../database/database.ts';

/** Gives the memberships of one user to another, who keeps the stronger right where both have one. */
export async function moveMemberships(db: Work, from: string, to: string): Promise<void> {
  await sql`
    INSERT INTO memberships (id, user_id, level, target, "right")
    SELECT gen_random_uuid(), ${to}::uuid, level, target, "right" FROM memberships WHERE user_id = ${from}
    ON CONFLICT (user_id, level, target) DO UPDATE SET updated_at = now(),
      "right" = CASE WHEN 'admin' IN (memberships."right", excluded."right") THEN 'admin'
        WHEN 'write' IN (memberships."right", excluded."right") THEN 'write' ELSE 'read' END`.execute(db);
  await db.deleteFrom('memberships').where('user_id', '=', from).execute();
}
