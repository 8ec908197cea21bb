import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { badRequest, notFound, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { announce } from '../events/signals.ts';
import { newestFirst, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { cancelRunsOf } from '../runs/cancel-run.ts';
import { queueProcess } from './queue-process.ts';
import { findJson, processJson } from './store.ts';

type Operations = typeof operations;

export const processList: Verb<Operations['platformProcessList']> = ({ db }, { subject, query, page }) =>
  readPage(db, page, {
    table: sql`processes`,
    alias: 'r',
    where: sql`r.site_id = ${subject.id} ${query.status === undefined ? sql`` : sql`AND r.status = ${query.status}`}`,
    item: processJson,
    order: newestFirst('r'),
  });

export const processShow: Verb<Operations['platformProcessShow']> = async ({ db }, { subject, params }) => {
  const from = sql`processes r WHERE r.id = ${params.processId} AND r.site_id = ${subject.id}`;
  const json = await findJson(db, processJson, from);
  if (!json) throw notFound('Process');
  return json;
};

export const processCreate: Verb<Operations['platformProcessCreate']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const { action } = body;
    // A site has neither exports nor channels of its own yet, so there is none to be found.
    if (action === 'export') throw badRequest({ id: 'Export not found.' });
    if (action === 'channel') throw badRequest({ id: 'Channel not found.' });
    if (subject.status === 'paused') throw refused('Site is paused.');
    const id = await queueProcess(work, { site: subject.id, action, trigger: 'manual' });
    await audit(work, {
      action: 'platform_process_create',
      entity: { type: 'process', id, name: subject.name },
      changes: [{ path: 'action', from: null, to: action }],
    });
    return { process_id: id };
  });

export const processCancel: Verb<Operations['platformProcessCancel']> = (context, { subject, params }) =>
  cancelProcess(context, subject, params.processId);

/** A process that waits ends at once; one that runs is told, and ends when its runs have. */
export function cancelProcess(
  context: Context,
  site: { id: number; name: string },
  processId: string,
): Promise<void> {
  return inTransaction(context, async (work) => {
    const row = await work.db
      .selectFrom('processes')
      .select(['id', 'status', 'cancel_requested'])
      .where('id', '=', processId)
      .where('site_id', '=', site.id)
      .forUpdate()
      .executeTakeFirst();
    if (!row) throw notFound('Process');
    if (row.status !== 'queued' && row.status !== 'running')
      throw refused('The action can no longer be cancelled.');
    if (row.cancel_requested) return;
    const ended = { status: 'failed', reason: 'cancelled', finished_at: sql<Date>`now()` };
    await work.db
      .updateTable('processes')
      .set({ cancel_requested: true, ...(row.status === 'queued' ? ended : {}) })
      .where('id', '=', row.id)
      .execute();
    await cancelRunsOf(work.db, row.id);
    await announce(work.db, row.id);
    await audit(work, {
      action: 'platform_process_cancel',
      entity: { type: 'process', id: row.id, name: site.name },
      changes: [{ path: 'cancel-requested', from: false, to: true }],
    });
  });
}
