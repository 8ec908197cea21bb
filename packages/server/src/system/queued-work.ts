import { sql } from 'kysely';
import { queuedBuilds } from '../builds/store.ts';
import { queuedStates } from '../operations/store.ts';
import { queuedProcesses } from '../platform/store.ts';
import { queuedRuns } from '../runs/store.ts';

/**
 * SQL: everything that waits or runs. A build is shown as a build, and not once more as the state that drives it. Only
 * work that has not ended is read, and each kind has an index of it.
 */
export const queuedWork = sql`(
  SELECT q.*, q.status = 'queued' AS waits,
    CASE q.status WHEN 'queued' THEN (row_number() OVER (
      PARTITION BY q.kind, q.status ORDER BY q.created_at, q.id))::integer ELSE 0 END AS place
  FROM (${queuedBuilds} UNION ALL ${queuedRuns} UNION ALL ${queuedProcesses} UNION ALL ${queuedStates}) q)`;
