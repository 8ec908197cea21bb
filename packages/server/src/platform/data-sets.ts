import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { dataSetJson } from './store.ts';

/** The kept data sets of a site, newest first. */
export const dataSetList: Verb<(typeof operations)['platformDataSetList']> = ({ db }, { subject, page }) =>
  readPage(db, page, {
    table: sql`data_sets`,
    alias: 'd',
    where: sql`d.site_id = ${subject.id}`,
    item: dataSetJson,
    order: { ...byNumber('d'), direction: 'DESC' },
  });
