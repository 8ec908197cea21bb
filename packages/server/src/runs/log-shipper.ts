import { type LogEntry, readLog } from '@slipway/container-api';
import { type LogLine, lineTime } from '../events/log-lines.ts';
import { appendLines } from '../events/log-store.ts';
import type { Services } from '../services.ts';

/** How soon a line of a running connector can be read. */
const shipMs = 300;

/** Carries the journal of a run into the log store while it grows. */
export interface LogShipper {
  /** Entries by source, once `finish` is done. */
  readonly counts: Record<string, number>;
  /** Ships what is left. @throws when the database does not take it */
  finish(): Promise<void>;
}

/**
 * Starts at the beginning of the journal: the store passes over the lines it has, so that after a lost worker nothing is
 * missing and nothing doubled.
 *
 * @param path of the journal, which need not exist yet
 */
export function shipLog(services: Services, runId: string, path: string): LogShipper {
  const counts: Record<string, number> = {};
  let offset = 0;
  let ended = false;

  const ship = async (): Promise<void> => {
    for (;;) {
      const part = await readLog(path, offset);
      if (part.entries.length === 0) return;
      const lines = part.entries.map((entry) => toLine(entry, services.settings.timeZone));
      await appendLines(services.db, runId, lines);
      for (const { source } of part.entries) counts[source] = (counts[source] ?? 0) + 1;
      offset = part.offset;
    }
  };

  const pause = Promise.withResolvers<void>();
  const loop = async (): Promise<void> => {
    while (!ended) {
      await ship().catch((error: unknown) =>
        services.log.warn({ err: error, run: runId }, 'log lines could not be stored; trying again'),
      );
      await Promise.race([pause.promise, wait(shipMs)]);
    }
  };
  const running = loop();

  return {
    counts,
    async finish() {
      ended = true;
      pause.resolve();
      await running;
      await ship();
    },
  };
}

const wait = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });

/** Journals are written in UTC; the API shows times in the server's zone. */
const toLine = (
  { number, time, level, severity, source, message, context }: LogEntry,
  timeZone: string,
): LogLine => ({
  number,
  time: timeZone === 'UTC' ? time : lineTime(new Date(time), timeZone),
  level,
  severity,
  source,
  message,
  context: { ...context },
});
