import { sql } from 'kysely';
import { inBatches } from '../database/batches.ts';
import type { Database } from '../database/database.ts';

/** Removes notifications that are so many days old and that somebody has read; unread ones stay. */
export const removeReadNotifications = (db: Database, days: number): Promise<void> =>
  inBatches((limit) =>
    sql`
      DELETE FROM notifications WHERE id IN (
        SELECT n.id FROM notifications n
        WHERE n.created_at < now() - make_interval(days => ${days})
          AND EXISTS (SELECT 1 FROM notification_reads m WHERE m.site_id = n.site_id AND m.up_to >= n.id)
        LIMIT ${limit})`.execute(db),
  );
