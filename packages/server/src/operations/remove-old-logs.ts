import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { removeLogsOf } from '../events/log-store.ts';

/** Removes the log lines of old background operations, builds among them. The latest of each kind of a version keeps its. */
export const removeOldStateLogs = (db: Database, days: number): Promise<void> =>
  removeLogsOf(
    db,
    days,
    sql`
      SELECT s.id FROM states s WHERE s.finished_at < now() - make_interval(days => ${days})
        AND EXISTS (SELECT 1 FROM states l WHERE l.connector_id = s.connector_id AND l.version_id = s.version_id
          AND l.name = s.name AND (l.created_at, l.id) > (s.created_at, s.id))`,
  );
