import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { queuedWork } from './queued-work.ts';

const entry = sql`json_build_object(
  'id', q.id, 'kind', q.kind, 'name', q.name, 'status', q.status, 'position', nullif(q.place, 0),
  'worker', q.worker, 'created-at', wire_time(q.created_at),
  'started-at', CASE WHEN NOT q.waits THEN wire_time(q.started_at) END)`;

/** Running work first, then by place. */
export const queueList: Verb<(typeof operations)['queueList']> = ({ db }, { query, page }) =>
  readPage(db, page, {
    table: queuedWork,
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
