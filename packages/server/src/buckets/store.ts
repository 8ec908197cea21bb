import { sql } from 'kysely';
import type { Database } from '../context.ts';

/** Does the owner own any bucket? */
export async function ownsBuckets(db: Database, ownerId: string): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    SELECT EXISTS (SELECT 1 FROM buckets WHERE owner_id = ${ownerId}) AS found`.execute(db);
  return rows[0]?.found ?? false;
}
