import type { Database } from '../database/database.ts';

/**
 * The highest major number that is released; null when none is.
 *
 * @param options.except a version that is taken for not released
 */
export async function newestReleased(
  db: Database,
  connectorId: string,
  { except = 0 }: { except?: number } = {},
): Promise<number | null> {
  const row = await db
    .selectFrom('connector_versions')
    .select('major')
    .where('connector_id', '=', connectorId)
    .where('released', '=', true)
    .where('major', '<>', except)
    .orderBy('major', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.major ?? null;
}
