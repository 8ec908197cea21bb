import { sql } from 'kysely';
import { inBatches } from '../database/batches.ts';
import type { Database } from '../database/database.ts';

/** Audit events end by retention alone. */
export const removeOldAuditEvents = (db: Database, days: number): Promise<void> =>
  inBatches((limit) =>
    sql`
      DELETE FROM audit_events WHERE id IN (
        SELECT id FROM audit_events WHERE time < now() - make_interval(days => ${days}) LIMIT ${limit})`.execute(
      db,
    ),
  );
