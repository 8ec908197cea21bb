import { setTimeout as startTimer } from 'node:timers';
import { setTimeout } from 'node:timers/promises';
import { type LogLevel, logSeverities } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { inBatches } from '../database/batches.ts';
import type { Database, Work } from '../database/database.ts';
import type { Services } from '../services.ts';
import { countLine, type LineCounts, type LogLine, lineText, lineTime } from './log-lines.ts';
import { announce } from './signals.ts';

/** A chunk takes lines until it holds this many, or this much text. */
const chunkLines = 256;
const chunkBytes = 64 * 1024;
const flushMs = 200;
const retryMs = 1000;
/** A writer that has this much waiting is slowed down until some of it is stored. */
const mostWaiting = 1024 * 1024;
/** First half of the advisory lock that the writers of one log take in turn; the second is a hash of the subject. */
const logLock = 7022;

/** Hides what must not be seen; `createMasker` of the package container-api makes one. */
export interface Masker {
  mask(text: string): string;
  maskJson(value: unknown): unknown;
}

export interface LogEntry {
  level: LogLevel;
  source: string;
  message: string;
  context?: Record<string, unknown> | null | undefined;
  /** Default: now. */
  time?: Date;
}

/** An open log: entries get their numbers when they are stored, behind whatever stands there already. */
export interface Log {
  /** Takes an entry; stored within 200 ms. Awaiting it slows the writer down to the pace of the database. */
  write(entry: LogEntry): Promise<void>;
  /** Stores all that waits. @throws when the database does not take it; the entries go on waiting */
  flush(): Promise<void>;
  /** Stores the rest and ends. A database that stays away costs these lines; that is logged, not thrown. */
  close(): Promise<void>;
}

/**
 * Opens the log of a run, build or state for writing. Several writers may have the same log open.
 *
 * @param subject id of the run or state
 * @param masker applied to message and context before anything is kept
 */
export function openLog(
  { db, settings, log }: Pick<Services, 'db' | 'settings' | 'log'>,
  subject: string,
  masker: Masker,
): Log {
  let waiting: UnnumberedLine[] = [];
  let bytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let storing: Promise<void> = Promise.resolve();
  const limit = settings.logLimitMib * 1024 * 1024;
  let written = 0;
  let full = false;

  /** Once the limit is reached, what is no warning is dropped; one entry says so (product.md 9). */
  const isDropped = (line: UnnumberedLine): boolean => {
    if (!full && written + line.message.length > limit) {
      full = true;
      const message = `The log has reached its limit of ${settings.logLimitMib} MiB; entries below warning are dropped.`;
      waiting.push(unnumbered({ level: 'warning', source: 'engine', message }, settings.timeZone));
    }
    return full && line.severity > logSeverities.warning;
  };

  const store = async (): Promise<void> => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length === 0) return;
    const lines = waiting;
    const taken = bytes;
    waiting = [];
    bytes = 0;
    try {
      await inWork(db, (work) => append(work, subject, (next) => numbered(lines, next)));
    } catch (error) {
      waiting = [...lines, ...waiting];
      bytes += taken;
      throw error;
    }
  };
  const flush = (): Promise<void> => {
    // One after another, so that the order of the entries is kept.
    storing = storing.catch(() => {}).then(store);
    return storing;
  };
  const flushSoon = (): void => {
    timer ??= startTimer(() => {
      flush().catch((error: unknown) => {
        log.warn({ err: error, subject }, 'log lines could not be stored; trying again');
        flushSoon();
      });
    }, flushMs);
  };

  return {
    async write(entry) {
      const context = entry.context ?? null;
      const line = unnumbered(
        {
          ...entry,
          message: masker.mask(entry.message),
          context: context === null ? null : (masker.maskJson(context) as Record<string, unknown>),
        },
        settings.timeZone,
      );
      if (isDropped(line)) return;
      waiting.push(line);
      written += line.message.length;
      bytes += 200 + line.message.length;
      flushSoon();
      // Nothing is lost while the database is away: the writer waits with what it has.
      while (bytes >= mostWaiting) await flush().catch(() => setTimeout(retryMs));
    },
    flush,
    async close() {
      for (let tries = 1; tries < 3; tries += 1) {
        if (
          await flush().then(
            () => true,
            () => false,
          )
        )
          return;
        await setTimeout(retryMs);
      }
      await flush().catch((error: unknown) =>
        log.error({ err: error, subject, lines: waiting.length }, 'log lines are lost'),
      );
      clearTimeout(timer);
    },
  };
}

/**
 * Stores lines that carry their numbers already. Lines that are stored are passed over, so that a writer may repeat
 * what it is not sure of.
 *
 * @throws when a number would be left out
 */
export async function appendLines(db: Database, subject: string, lines: readonly LogLine[]): Promise<void> {
  if (lines.length === 0) return;
  await inWork(db, (work) =>
    append(work, subject, (next) => {
      const fresh = lines.filter((line) => line.number >= next);
      const gap = fresh.findIndex((line, index) => line.number !== next + index);
      if (gap >= 0) throw new Error(`Line ${next + gap} of the log of ${subject} is missing.`);
      return fresh;
    }),
  );
}

/**
 * Stores entries in the transaction of what they tell about. The caller masks them.
 *
 * @param timeZone the server's, for the time of the lines
 */
export async function writeEntries(
  work: Work,
  timeZone: string,
  subject: string,
  entries: readonly LogEntry[],
): Promise<void> {
  const lines = entries.map((entry) => unnumbered(entry, timeZone));
  await append(work, subject, (next) => numbered(lines, next));
}

type UnnumberedLine = Omit<LogLine, 'number'>;

const unnumbered = (
  { level, source, message, context = null, time = new Date() }: LogEntry,
  timeZone: string,
): UnnumberedLine => ({
  time: lineTime(time, timeZone),
  level,
  severity: logSeverities[level],
  source,
  message,
  context,
});

const numbered = (lines: readonly UnnumberedLine[], next: number): LogLine[] =>
  lines.map((line, index) => ({ ...line, number: next + index }));

const inWork = <T>(db: Database, work: (db: Work) => Promise<T>): Promise<T> =>
  db.isTransaction ? work(db as Work) : db.transaction().execute(work);

interface Chunk {
  first: number;
  last: number;
  counts: LineCounts;
  bytes: number;
}

async function lastChunk(db: Database, subject: string): Promise<Chunk | undefined> {
  const { rows } = await sql<Chunk>`
    SELECT first, last, counts, octet_length(lines) AS bytes FROM log_chunks
    WHERE subject = ${subject} ORDER BY first DESC LIMIT 1`.execute(db);
  return rows[0];
}

/** Writers of one log take turns, so that numbers have neither gaps nor doubles. */
async function append(work: Work, subject: string, make: (next: number) => LogLine[]): Promise<void> {
  await sql`SELECT pg_advisory_xact_lock(${logLock}, hashtext(${subject}))`.execute(work);
  if (!(await keepSubject(work, subject))) return;
  const last = await lastChunk(work, subject);
  const lines = make((last?.last ?? 0) + 1);
  if (lines.length === 0) return;
  const [extended, ...added] = intoChunks(lines, last);
  if (extended && last && extended.first === last.first) {
    await sql`
      UPDATE log_chunks
      SET last = ${extended.last}, counts = ${JSON.stringify(extended.counts)}, lines = lines || ${`\n${extended.texts.join('\n')}`}
      WHERE subject = ${subject} AND first = ${last.first}`.execute(work);
  } else if (extended) {
    added.unshift(extended);
  }
  if (added.length > 0) {
    await work
      .insertInto('log_chunks')
      .values(
        added.map(({ first, last, counts, texts }) => ({
          subject,
          first,
          last,
          counts: JSON.stringify(counts),
          lines: texts.join('\n'),
        })),
      )
      .execute();
  }
  await announce(work, subject);
}

/**
 * Is there still what the log belongs to? If so it stays until the transaction ends: a worker that is being stopped must
 * not leave the last lines of a run or an action that was removed.
 */
async function keepSubject(work: Work, subject: string): Promise<boolean> {
  const { rows } = await sql<{ there: boolean }>`
    WITH action AS (SELECT 1 FROM states WHERE id = ${subject} FOR KEY SHARE),
      run AS (SELECT 1 FROM runs WHERE id = ${subject} FOR KEY SHARE)
    SELECT EXISTS (SELECT FROM action) OR EXISTS (SELECT FROM run) AS there`.execute(work);
  return rows[0]?.there ?? false;
}

interface NewChunk extends Chunk {
  texts: string[];
}

/** Spreads lines over chunks; the first one goes on with the last stored chunk as long as that has room. */
function intoChunks(lines: readonly LogLine[], stored: Chunk | undefined): NewChunk[] {
  const chunks: NewChunk[] = [];
  let chunk: NewChunk | undefined = stored && {
    ...stored,
    counts: structuredClone(stored.counts),
    texts: [],
  };
  for (const line of lines) {
    if (!chunk || chunk.last - chunk.first + 1 >= chunkLines || chunk.bytes >= chunkBytes) {
      chunk = { first: line.number, last: line.number, counts: {}, bytes: 0, texts: [] };
    }
    if (chunk.texts.length === 0) chunks.push(chunk);
    const text = lineText(line);
    chunk.texts.push(text);
    chunk.last = line.number;
    chunk.bytes += Buffer.byteLength(text) + 1;
    countLine(chunk.counts, line);
  }
  return chunks;
}

/** Removes the logs of runs, builds or states that are gone. */
export async function removeLogs(db: Database, subjects: readonly string[]): Promise<void> {
  await sql`DELETE FROM log_chunks WHERE subject = ANY(${[...subjects]}::uuid[])`.execute(db);
}

/**
 * Removes logs that have lines older than so many days.
 *
 * @param subjects SQL: a query of the ids of those that may go
 */
export const removeLogsOf = (db: Database, days: number, subjects: RawBuilder<unknown>): Promise<void> =>
  inBatches((limit) =>
    sql`
      DELETE FROM log_chunks WHERE (subject, first) IN (
        SELECT k.subject, k.first
        FROM (SELECT DISTINCT subject FROM log_chunks WHERE created_at < now() - make_interval(days => ${days})) old
        JOIN (${subjects}) may ON may.id = old.subject JOIN log_chunks k ON k.subject = old.subject
        LIMIT ${limit})`.execute(db),
  );
