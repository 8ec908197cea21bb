import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { historyEntryJson } from './store.ts';

/** What imports did, the one that started last first. Sites have neither exports nor schedules yet. */
export const historyList: Verb<(typeof operations)['platformHistoryList']> = (
  { db },
  { subject, query, page },
) =>
  readPage(db, page, {
    table: sql`processes`,
    alias: 'r',
    where: sql`r.site_id = ${subject.id} AND r.taken_over
      AND ${(query.kind ?? 'import') === 'import' && query.export === undefined}`,
    item: historyEntryJson,
    order: newestFirst('r', 'started_at'),
  });
