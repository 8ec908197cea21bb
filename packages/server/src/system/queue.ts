import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { queuedBuilds } from '../builds/store.ts';
import { readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { queuedStates } from '../operations/store.ts';
import { queuedProcesses } from '../platform/store.ts';
import { queuedRuns } from '../runs/store.ts';

/**
 * SQL: everything that waits or runs. A build is shown as a build, and not once more as the state that drives it. Only
 * work that has not ended is read, and each kind has an index of it.
 */
export const queue = sql`(
  SELECT q.*, q.status = 'queued' AS waits,
    CASE q.status WHEN 'queued' THEN (row_number() OVER (
      PARTITION BY q.kind, q.status ORDER BY q.created_at, q.id))::integer ELSE 0 END AS place
  FROM (${queuedBuilds} UNION ALL ${queuedRuns} UNION ALL ${queuedProcesses} UNION ALL ${queuedStates}) q)`;

const entry = sql`json_build_object(
  'id', q.id, 'kind', q.kind, 'name', q.name, 'status', q.status, 'position', nullif(q.place, 0),
  'worker', q.worker, 'created-at', wire_time(q.created_at),
  'started-at', CASE WHEN NOT q.waits THEN wire_time(q.started_at) END)`;

/** Running work first, then by place. */
export const queueList: Verb<(typeof operations)['queueList']> = ({ db }, { query, page }) =>
  readPage(db, page, {
    table: queue,
    alias: 'q',
    where: query.kind === undefined ? sql`true` : sql`q.kind = ${query.kind}`,
    item: entry,
    order: {
      columns: [
        { name: sql.ref('q.place'), type: 'integer' },
        { name: sql.ref('q.created_at'), type: 'timestamptz' },
        { name: sql.ref('q.id'), type: 'uuid' },
      ],
      direction: 'ASC',
    },
  });
