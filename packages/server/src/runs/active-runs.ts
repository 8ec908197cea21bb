import { sql } from 'kysely';
import type { Database } from '../database/database.ts';

/** Is a run of one of these versions queued or running? */
export async function hasActiveRuns(db: Database, versionIds: readonly string[]): Promise<boolean> {
  const { rows } = await sql`
    SELECT 1 FROM runs
    WHERE version_id = ANY(${[...versionIds]}::uuid[]) AND state IN ('queued', 'running') LIMIT 1`.execute(
    db,
  );
  return rows.length > 0;
}
