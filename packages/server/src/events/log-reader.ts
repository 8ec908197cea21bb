import { Readable } from 'node:stream';
import { greatestInteger, type Page, type StreamType, texts } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Database } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import type { ListResult } from '../http/list-result.ts';
import { commentText, eventText, Heartbeat } from './event-stream.ts';
import { greatestSeverity, type LogFilter, passes, readHead } from './log-lines.ts';
import { watch } from './signals.ts';

/** Chunks read at once: about 1 MiB of text. */
const chunksAtOnce = 16;

/** A stored line that passed the filter. */
export interface StoredLine {
  number: number;
  text: string;
}

/** One page of a log, oldest first, with the exact total of what the filter lets through. */
export async function logList(
  { db }: Pick<Context, 'db'>,
  subject: string,
  filter: LogFilter,
  page: Page,
): Promise<ListResult> {
  const cursor = page.after === null ? null : decodeCursor(page.after);
  const from = cursor?.from ?? page.from;
  const { total, start, before } = await locate(db, subject, filter, cursor ? null : from);
  if (from >= total) return { items: [], total, from, after: null };
  const position = cursor ? { after: cursor.number, skip: 0 } : { after: start - 1, skip: from - before };
  const items: StoredLine[] = [];
  for await (const lines of readLines(db, subject, filter, position)) {
    items.push(...lines.slice(0, page.limit - items.length));
    if (items.length >= page.limit) break;
  }
  const last = items.at(-1);
  const next = from + items.length;
  return {
    items: items.map(({ text }) => text),
    total,
    from,
    after: last && next < total ? encodeCursor({ from: next, number: last.number }) : null,
  };
}

/** How a log is streamed. */
export interface LogStreamOptions {
  query: LogFilter;
  page: Page;
  /** `Last-Event-ID`: number of the last line the reader has, 0 at first. */
  lastEventId: number;
  /** The final status of the work that writes the log, or null while it goes on. */
  settled: () => Promise<string | null>;
  /** Time between two comments; only tests want it shorter. */
  commentMs?: number;
}

/**
 * A log as newline-delimited JSON (all that is stored now) or as server-sent events (also what is still to come, until
 * the work has settled). No connection of the database is held while nothing happens.
 */
export async function logStream(
  context: Pick<Context, 'db' | 'services'>,
  subject: string,
  type: StreamType,
  options: LogStreamOptions,
): Promise<{ stream: Readable }> {
  const texts =
    type === 'text/event-stream' ? follow(context, subject, options) : dump(context.db, subject, options);
  return { stream: Readable.from(texts, { objectMode: false, highWaterMark: 64 * 1024 }) };
}

async function* dump(
  db: Database,
  subject: string,
  { query, page }: LogStreamOptions,
): AsyncGenerator<string> {
  const cursor = page.after === null ? null : decodeCursor(page.after);
  let left = page.limited ? page.limit : Number.POSITIVE_INFINITY;
  const position = cursor ? { after: cursor.number, skip: 0 } : { after: 0, skip: page.from };
  for await (const lines of readLines(db, subject, query, position)) {
    const wanted = lines.slice(0, left);
    left -= wanted.length;
    if (wanted.length > 0) yield `${wanted.map(({ text }) => text).join('\n')}\n`;
    if (left === 0) return;
  }
}

async function* follow(
  { db, services }: Pick<Context, 'db' | 'services'>,
  subject: string,
  { query, lastEventId, settled, commentMs }: LogStreamOptions,
): AsyncGenerator<string> {
  const news = watch(services.signals, subject);
  const heartbeat = new Heartbeat(commentMs);
  let after = lastEventId;
  try {
    // At once, so that the reader sees the headers although nothing may happen for a while.
    yield commentText;
    while (!services.signals.stopped) {
      // Asked before the lines are read: once it says so, none can follow.
      const status = await settled();
      for await (const lines of readLines(db, subject, query, { after, skip: 0 })) {
        after = lines.at(-1)?.number ?? after;
        yield logEvents(lines);
      }
      if (status !== null) {
        yield eventText('end', JSON.stringify({ status }));
        return;
      }
      if (heartbeat.take()) yield commentText;
      await news.next(heartbeat.sleepMs);
    }
  } finally {
    news.close();
  }
}

/** Lines as `log` events; the id is the line's number. */
export const logEvents = (lines: readonly StoredLine[]): string =>
  lines.map(({ number, text }) => eventText('log', text, number)).join('');

/**
 * The lines behind number `after` that pass the filter, without the first `skip` of them, a batch at a time. Memory
 * holds one batch.
 */
export async function* readLines(
  db: Database,
  subject: string,
  filter: LogFilter,
  { after, skip }: { after: number; skip: number },
): AsyncGenerator<StoredLine[]> {
  // A reader may send any number as the one it has.
  let behind = Math.min(Math.max(after, 0), greatestInteger);
  let left = skip;
  for (;;) {
    const { rows } = await sql<{ last: number; lines: string }>`
      SELECT c.last, c.lines FROM log_chunks c
      WHERE c.subject = ${subject} AND c.first >= ${chunkOf(subject, behind)} AND c.last > ${behind}
        AND ${matching(filter)} > 0
      ORDER BY c.first LIMIT ${chunksAtOnce}`.execute(db);
    const lines: StoredLine[] = [];
    for (const text of rows.flatMap((row) => row.lines.split('\n'))) {
      const head = readHead(text);
      if (head.number <= behind || !passes(filter, head)) continue;
      if (left > 0) left -= 1;
      else lines.push({ number: head.number, text });
    }
    if (lines.length > 0) yield lines;
    behind = rows.at(-1)?.last ?? behind;
    if (rows.length < chunksAtOnce) return;
  }
}

/** The first line of the chunk that holds line `number`, or 0: where an index scan can begin. */
const chunkOf = (subject: string, number: number): RawBuilder<number> => sql`
  coalesce((SELECT max(b.first) FROM log_chunks b WHERE b.subject = ${subject} AND b.first <= ${number}), 0)`;

/** How many lines of chunk `c` pass the filter, out of its counts. */
function matching(filter: LogFilter): RawBuilder<number> {
  const { level, source } = filter;
  if (level === undefined && source === undefined) return sql`(c.last - c.first + 1)`;
  const ofSource = source === undefined ? sql`true` : sql`s.source = ANY(${source}::text[])`;
  return sql`(
    SELECT coalesce(sum(n.lines::integer), 0)
    FROM jsonb_each(c.counts) s(source, severities), jsonb_each_text(s.severities) n(severity, lines)
    WHERE ${ofSource} AND n.severity::integer <= ${greatestSeverity(filter)})`;
}

/**
 * The total, and the chunk that holds the item at position `from` with the number of items before it. Only counts are
 * read.
 */
async function locate(
  db: Database,
  subject: string,
  filter: LogFilter,
  from: number | null,
): Promise<{ total: number; start: number; before: number }> {
  const { rows } = await sql<{ total: number; start: number | null; before: number | null }>`
    WITH counted AS (
      SELECT c.first, ${matching(filter)} AS lines FROM log_chunks c WHERE c.subject = ${subject}
    ), placed AS (
      SELECT first, sum(lines) OVER (ORDER BY first) AS upto, lines FROM counted
    ), found AS (
      SELECT first, upto - lines AS before FROM placed WHERE upto > ${from ?? 0} ORDER BY first LIMIT 1
    )
    SELECT coalesce((SELECT sum(lines) FROM counted), 0)::bigint AS total,
      (SELECT first FROM found) AS start, (SELECT before FROM found)::bigint AS before`.execute(db);
  const row = rows[0];
  return { total: row?.total ?? 0, start: row?.start ?? 1, before: row?.before ?? 0 };
}

interface Cursor {
  /** Position of the page's first item. */
  from: number;
  /** Number of the last line before it. */
  number: number;
}

const encodeCursor = ({ from, number }: Cursor): string =>
  Buffer.from(JSON.stringify([from, number])).toString('base64url');

/** @throws 400 `{"after":"This value is not valid."}` */
function decodeCursor(after: string): Cursor {
  try {
    const [from, number, ...rest] = JSON.parse(Buffer.from(after, 'base64url').toString()) as unknown[];
    if (isPosition(from) && isPosition(number) && rest.length === 0) return { from, number };
  } catch {
    // Falls through: it was no cursor of ours.
  }
  throw badRequest({ after: texts.invalid });
}

const isPosition = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= greatestInteger;
