import { sql } from 'kysely';
import { systemContext } from '../operations/system-context.ts';
import type { Services } from '../services.ts';
import { deleteForGood } from './delete-connector.ts';

/** Deletes connectors for good that have been in the bin for so many days. */
export async function emptyBin(services: Services, days: number): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM connectors WHERE deleted_at < now() - make_interval(days => ${days}) ORDER BY deleted_at`.execute(
    services.db,
  );
  for (const { id } of rows) await deleteForGood(systemContext(services), id);
}
