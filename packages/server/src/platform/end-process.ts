import { sql } from 'kysely';
import { ownersOnDevSite } from '../connectors/dev-sites.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { announce } from '../events/signals.ts';
import { cancelRunsOf } from '../runs/cancel-run.ts';
import { notify } from '../webhooks/notify.ts';
import type { SourceWarning } from './import-warnings.ts';
import type { Step } from './steps.ts';
import { processJson, showJson } from './store.ts';
import { addNotifications, type NotificationOrigin } from './take-messages.ts';

export interface ProcessEnd {
  status: 'success' | 'failed';
  /** `cancelled`, or a sentence. */
  reason: string | null;
  takenOver?: boolean;
  /** As they stand at the end; absent: as they are stored. */
  steps?: readonly Step[];
  /** Told to the users of the site. */
  warnings?: readonly SourceWarning[];
}

/** Ends a process and wakes the one that waits behind it, in one transaction. One that has ended stays as it is. */
export const endProcess = (context: Context, id: string, end: ProcessEnd): Promise<void> =>
  inTransaction(context, async (work) => {
    const row = await work.db
      .updateTable('processes')
      .set({
        status: end.status,
        reason: end.reason,
        taken_over: end.takenOver ?? false,
        finished_at: sql`now()`,
        worker_id: null,
        ...(end.steps ? { steps: JSON.stringify(end.steps) } : {}),
      })
      .where('id', '=', id)
      .where('status', '=', 'running')
      .returning('site_id')
      .executeTakeFirst();
    if (!row) return;
    // A cancel, or an error, may have come between planning the runs and beginning them.
    if (end.status === 'failed') await cancelRunsOf(work.db, id);
    await warn(work.db, { site: row.site_id, process: id, run: null }, end.warnings ?? []);
    await wakeNext(work, row.site_id);
    await announce(work.db, id);
    // Whoever cancelled it knows.
    if (end.reason !== 'cancelled') await tell(work, id, row.site_id, end.status);
  });

async function warn(
  db: Work,
  origin: Omit<NotificationOrigin, 'source'>,
  warnings: readonly SourceWarning[],
): Promise<void> {
  const time = new Date().toISOString();
  for (const { source, message } of warnings) {
    await addNotifications(db, { ...origin, source }, [{ time, level: 'warning', message }]);
  }
}

const tell = (
  work: Context & { db: Work },
  id: string,
  site: number,
  status: ProcessEnd['status'],
): Promise<void> =>
  notify(work, status === 'success' ? 'process.finished' : 'process.failed', {
    owners: () => ownersOnDevSite(work.db, site),
    data: () => showJson(work.db, processJson, sql`processes r WHERE r.id = ${id}`),
  });

async function wakeNext({ db, services }: Context & { db: Work }, site: number): Promise<void> {
  const next = await db
    .selectFrom('processes')
    .select('id')
    .where('site_id', '=', site)
    .where('status', '=', 'queued')
    .executeTakeFirst();
  if (next) await services.jobs.send(db, 'process', next.id);
}
