import { fromKysely, PgBoss } from 'pg-boss';
import type { Logger } from 'pino';
import type { Work } from '../database/database.ts';

/** What can wait in the queue. Every job carries the id of a row that says everything else. */
export const queues = ['build', 'state', 'process', 'webhook'] as const;
export type Queue = (typeof queues)[number];

export interface Jobs {
  /**
   * Wakes a worker for the row `id`; sent in the transaction that makes the work necessary.
   *
   * @param afterSeconds not before that time has passed
   */
  send(transaction: Work, queue: Queue, id: string, afterSeconds?: number): Promise<void>;
  /** Works on a queue in this process, `concurrency` jobs at a time. */
  work(queue: Queue, concurrency: number, handler: (id: string) => Promise<void>): Promise<void>;
  /** Is the queue usable? */
  check(): Promise<void>;
  /** Stops taking jobs; those in hand may end until `timeoutMs`. */
  stop(timeoutMs: number): Promise<void>;
}

/**
 * The queue on the same database. Jobs only wake: the row they name holds the truth, and whoever claims it does the
 * work, so a job that comes twice, or after a crash, does no harm.
 */
export async function startJobs(databaseUrl: string, log: Logger): Promise<Jobs> {
  const boss = new PgBoss({ connectionString: databaseUrl, max: 6, schedule: false, useListenNotify: true });
  boss.on('error', (error) => log.warn({ err: error }, 'queue'));
  await boss.start();
  for (const queue of queues) {
    // 'short': a row waits in the queue once, however often somebody wakes for it.
    await boss.createQueue(queue, { policy: 'short', retryLimit: 0, deleteAfterSeconds: 3600, notify: true });
  }
  return {
    async send(transaction, queue, id, afterSeconds = 0) {
      await boss.send(
        queue,
        { id },
        {
          singletonKey: id,
          expireInSeconds: longestWork,
          startAfter: afterSeconds,
          db: fromKysely(transaction),
        },
      );
    },
    async work(queue, concurrency, handler) {
      const options = { batchSize: 1, localConcurrency: concurrency, pollingIntervalSeconds: 1 };
      await boss.work<{ id: string }>(queue, options, async ([job]) => {
        if (job) await handler(job.data.id);
      });
    },
    async check() {
      await boss.getQueue('build');
    },
    async stop(timeoutMs) {
      await boss.stop({ graceful: true, timeout: timeoutMs, close: true });
    },
  };
}

/** Seconds after which the queue gives a job up; leases decide long before (`leases.ts`). */
const longestWork = 12 * 3600;
