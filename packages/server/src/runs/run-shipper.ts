import { type LogEntry, type RunFolder, readLog } from '@slipway/container-api';
import { type LogLine, lineTime } from '../events/log-lines.ts';
import { appendLines } from '../events/log-store.ts';
import type { MessageOrigin } from '../platform/gateway.ts';
import type { Services } from '../services.ts';
import { messageShipper } from './message-shipper.ts';

/** How soon a line of a running connector can be read. */
const shipMs = 300;

/** Carries what a run says into the database while it runs: its log, its notifications and its event log. */
export interface RunShipper {
  /** Log entries by source, once `finish` is done. */
  readonly counts: Record<string, number>;
  /** Ships what is left. @throws when the database does not take it */
  finish(): Promise<void>;
}

/**
 * The journals in the run's folder are the spool: numbered, on disk, and read from where the database has them to. So
 * after a lost worker, or a database that was away, nothing is missing and nothing doubled.
 *
 * @param folder of the run; its journals need not exist yet
 */
export function shipRun(services: Services, origin: MessageOrigin, folder: RunFolder): RunShipper {
  const log = logShipper(services, origin.run, folder.log);
  const messages = messageShipper(services, origin, folder);
  const ships = [log.ship, messages];
  let ended = false;

  const pause = Promise.withResolvers<void>();
  const loop = async (): Promise<void> => {
    while (!ended) {
      for (const ship of ships) {
        await ship().catch((error: unknown) =>
          services.log.warn(
            { err: error, run: origin.run },
            'what a run says could not be stored; trying again',
          ),
        );
      }
      await Promise.race([pause.promise, wait(shipMs)]);
    }
  };
  const running = loop();

  return {
    counts: log.counts,
    async finish() {
      ended = true;
      pause.resolve();
      await running;
      for (const ship of ships) await ship();
    },
  };
}

/** Starts at the beginning of the journal: the store passes over the lines it has. */
function logShipper(services: Services, runId: string, path: string) {
  const counts: Record<string, number> = {};
  let offset = 0;
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
  return { counts, ship };
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
