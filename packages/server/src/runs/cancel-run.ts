import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { notFound, Refusal } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { announce } from '../events/signals.ts';
import type { Verb } from '../http/route.ts';

const failure = JSON.stringify({ origin: 'cancelled', reason: 'The run was cancelled.' });

/** A run that waits ends at once; a running one is told, and its worker ends it. */
export const runCancel: Verb<(typeof operations)['runCancel']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    // The process first, then its runs: the order in which the platform locks them too.
    if (subject.state === 'queued') await work.services.platform.dropQueuedRun(work.db, subject.processId);
    const row = await work.db
      .selectFrom('runs')
      .select(['id', 'state', 'cancel_requested', 'connector_id'])
      .where('id', '=', subject.id)
      .forUpdate()
      .executeTakeFirst();
    if (!row) throw notFound('Run');
    if (row.state !== 'queued' && row.state !== 'running') {
      throw new Refusal(400, { message: `Run is already ${row.state}.`, errors: [] });
    }
    if (row.cancel_requested) return;
    await cancel(work.db, [row.id]);
    await audit(work, {
      action: 'run_cancel',
      entity: { type: 'run', id: row.id, name: null },
      connector: row.connector_id,
      changes: [{ path: 'cancel-requested', from: false, to: true }],
    });
  });

/** Cancels the runs of a process that have not ended. */
export async function cancelRunsOf(db: Work, processId: string): Promise<void> {
  const active = await db
    .selectFrom('runs')
    .select('id')
    .where('process_id', '=', processId)
    .where('state', 'in', ['queued', 'running'])
    .forUpdate()
    .execute();
  await cancel(
    db,
    active.map((row) => row.id),
  );
}

async function cancel(db: Work, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    UPDATE runs SET cancel_requested = true,
      state = CASE state WHEN 'queued' THEN 'cancelled' ELSE state END,
      failure = CASE state WHEN 'queued' THEN ${failure}::json ELSE failure END,
      finished_at = CASE state WHEN 'queued' THEN now() ELSE finished_at END
    WHERE id = ANY(${[...ids]}::uuid[]) AND state IN ('queued', 'running')`.execute(db);
  for (const id of ids) await announce(db, id);
}
