import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';

export type DemoKind =
  | 'organization'
  | 'account'
  | 'project'
  | 'site'
  | 'channel'
  | 'connector'
  | 'repository';

/** Remembers that the demo made this; telling it twice does no harm. */
export async function rememberDemoEntity(db: Database, kind: DemoKind, id: string | number): Promise<void> {
  await db
    .insertInto('demo_entities')
    .values({ kind, id: String(id) })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/**
 * Is the demo to be made, or to be gone on with? Only on an empty database, and not again once it was finished or
 * removed.
 */
export async function beginDemo(db: Database): Promise<boolean> {
  const { rows } = await sql<{ wanted: boolean }>`
    INSERT INTO demo_workspace AS demo (only_one)
    SELECT true WHERE EXISTS (SELECT 1 FROM demo_workspace)
      OR (NOT EXISTS (SELECT 1 FROM organizations) AND NOT EXISTS (SELECT 1 FROM connectors))
    ON CONFLICT (only_one) DO UPDATE SET only_one = true
    RETURNING demo.finished_at IS NULL AND demo.removed_at IS NULL AS wanted`.execute(db);
  return rows[0]?.wanted ?? false;
}

export async function finishDemo(db: Database): Promise<void> {
  await sql`UPDATE demo_workspace SET finished_at = coalesce(finished_at, now())`.execute(db);
}

/** Everything the demo made, by kind; null when there is no demo, or no more. The workspace stays locked. */
export async function lockDemo(db: Work): Promise<ReadonlyMap<DemoKind, readonly string[]> | null> {
  const { rows } = await sql`SELECT 1 FROM demo_workspace WHERE removed_at IS NULL FOR UPDATE`.execute(db);
  if (rows.length === 0) return null;
  return demoEntities(db);
}

export async function demoEntities(db: Database): Promise<ReadonlyMap<DemoKind, readonly string[]>> {
  const entities = await db.selectFrom('demo_entities').selectAll().orderBy('id').execute();
  const byKind = new Map<DemoKind, string[]>();
  for (const { kind, id } of entities) {
    const known = byKind.get(kind as DemoKind);
    if (known) known.push(id);
    else byKind.set(kind as DemoKind, [id]);
  }
  return byKind;
}

export async function forgetDemo(db: Work): Promise<void> {
  await sql`UPDATE demo_workspace SET removed_at = now()`.execute(db);
  await sql`DELETE FROM demo_entities`.execute(db);
}
