import { sql } from 'kysely';
import { inBatches } from '../database/batches.ts';
import type { Database } from '../database/database.ts';

/** Removes the records of old builds. The latest of each version stays, and those of what is deployed. */
export const removeOldBuilds = (db: Database, days: number): Promise<void> =>
  inBatches((limit) =>
    sql`
      DELETE FROM builds WHERE id IN (
        SELECT b.id FROM builds b
        WHERE b.created_at < now() - make_interval(days => ${days})
          AND b.finished_at < now() - make_interval(days => ${days})
          AND EXISTS (SELECT 1 FROM builds l WHERE l.connector_id = b.connector_id AND l.version_id = b.version_id
            AND (l.created_at, l.id) > (b.created_at, b.id))
          AND NOT EXISTS (SELECT 1 FROM connector_versions v
            WHERE v.id = b.version_id AND b.digest IN (v.image_digest, v.dev_digest, v.prod_digest))
        LIMIT ${limit})`.execute(db),
  );
