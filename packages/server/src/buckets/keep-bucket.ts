import { sql } from 'kysely';
import type { Work } from '../database/database.ts';

/** Keeps the bucket from being deleted or given away until the transaction ends; false when the owner has no such one. */
export async function keepBucketOf(db: Work, id: string, ownerId: string): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM buckets WHERE id = ${id} AND owner_id = ${ownerId} FOR SHARE`.execute(db);
  return rows.length > 0;
}
