import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { inTransaction } from '../context.ts';
import { notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { requireNoProcess } from './queue-process.ts';
import { dataSetJson, showJson } from './store.ts';

type Operations = typeof operations;

/** The kept data sets of a site, newest first. */
export const dataSetList: Verb<Operations['platformDataSetList']> = ({ db }, { subject, page }) =>
  readPage(db, page, {
    table: sql`data_sets`,
    alias: 'd',
    where: sql`d.site_id = ${subject.id}`,
    item: dataSetJson,
    order: { ...byNumber('d'), direction: 'DESC' },
  });

/** Readers see the earlier rows from now on; the next import takes the place of both. */
export const dataSetRestore: Verb<Operations['platformDataSetRestore']> = (context, { subject, params }) =>
  inTransaction(context, async (work) => {
    const { db } = work;
    const id = Number(params.dataSetId);
    const site = await db
      .selectFrom('sites')
      .select('data_set')
      .where('id', '=', subject.id)
      .forUpdate()
      .executeTakeFirst();
    const found = await db
      .selectFrom('data_sets')
      .select('id')
      .where('id', '=', id)
      .where('site_id', '=', subject.id)
      .executeTakeFirst();
    if (!site || !found) throw notFound('Data set');
    await requireNoProcess(db, subject.id);
    if (site.data_set !== id) {
      await db
        .updateTable('sites')
        .set({ data_set: id, updated_at: sql`now()` })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'platform_data_set_restore',
        entity: { type: 'site', id: subject.id, name: subject.name },
        changes: [{ path: 'data-set', from: site.data_set, to: id }],
      });
    }
    return showJson(db, dataSetJson, sql`data_sets d WHERE d.id = ${id}`);
  });
