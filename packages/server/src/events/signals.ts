import { sql } from 'kysely';
import pg from 'pg';
import type { Logger } from 'pino';
import type { Work } from '../database/database.ts';

const channel = 'slipway_changed';
const retryMs = 1000;

/** News that something about a subject (a run, a state; by its id) was committed. They wake readers, nothing more. */
export interface Signals {
  /** Calls `wake` at each change of the subject, in whatever process it happened. Ends with the returned function. */
  subscribe(subject: string, wake: () => void): () => void;
  /** True once `stop` was called: readers that follow something end. */
  readonly stopped: boolean;
  stop(): Promise<void>;
}

/** Announces a change of `subject`; heard when the transaction commits. */
export async function announce(db: Work, subject: string): Promise<void> {
  await sql`SELECT pg_notify(${channel}, ${subject})`.execute(db);
}

/**
 * Listens on one connection for the whole process and hands the news on in memory. A lost connection is made again; what
 * was announced meanwhile is made up for by waking everybody.
 */
export async function startSignals(databaseUrl: string, log: Logger): Promise<Signals> {
  const readers = new Map<string, Set<() => void>>();
  let client: pg.Client | null = null;
  let retry: NodeJS.Timeout | undefined;
  let stopped = false;

  const wakeAll = (): void => {
    for (const wakes of readers.values()) for (const wake of wakes) wake();
  };

  const listen = async (): Promise<void> => {
    const next = new pg.Client({ connectionString: databaseUrl, keepAlive: true });
    next.on('notification', ({ payload }) => {
      for (const wake of readers.get(payload ?? '') ?? []) wake();
    });
    next.on('error', (error) => log.warn({ err: error }, 'the connection for news was lost'));
    next.on('end', () => {
      if (!stopped && client === next) again();
    });
    await next.connect();
    client = next;
    await next.query(`LISTEN ${channel}`);
    wakeAll();
  };

  const again = (): void => {
    client = null;
    retry = setTimeout(() => {
      listen().catch((error: unknown) => {
        log.warn({ err: error }, 'no connection for news; trying again');
        if (!stopped) again();
      });
    }, retryMs);
  };

  await listen();
  return {
    subscribe(subject, wake) {
      const wakes = readers.get(subject) ?? new Set();
      readers.set(subject, wakes.add(wake));
      return () => {
        wakes.delete(wake);
        if (wakes.size === 0 && readers.get(subject) === wakes) readers.delete(subject);
      };
    },
    get stopped() {
      return stopped;
    },
    async stop() {
      stopped = true;
      clearTimeout(retry);
      wakeAll();
      await client?.end().catch(() => {});
    },
  };
}

/** Waits for news of one subject without missing any that comes between two waits. */
export interface Watch {
  /** Resolves at the next news (or those since the last wait), at the latest after `timeoutMs`. */
  next(timeoutMs: number): Promise<void>;
  close(): void;
}

export function watch(signals: Signals, subject: string): Watch {
  let woken = false;
  let resume: (() => void) | null = null;
  const unsubscribe = signals.subscribe(subject, () => {
    woken = true;
    resume?.();
  });
  return {
    async next(timeoutMs) {
      if (!woken) {
        const { promise, resolve } = Promise.withResolvers<void>();
        resume = resolve;
        const timer = setTimeout(resolve, timeoutMs);
        await promise;
        clearTimeout(timer);
        resume = null;
      }
      woken = false;
    },
    close() {
      unsubscribe();
      resume?.();
    },
  };
}
