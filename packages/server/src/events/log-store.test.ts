import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pipeline } from 'node:stream';
import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import pino from 'pino';
import { afterAll, expect, test } from 'vitest';
import { createTestDatabase } from '../../test/support/database.ts';
import { connect } from '../database/connect.ts';
import { newId } from '../ids.ts';
import type { Services } from '../services.ts';
import { type LogLine, lineTime } from './log-lines.ts';
import { logList, logStream } from './log-reader.ts';
import { appendLines, type Masker, openLog, removeLogs } from './log-store.ts';
import { announce, startSignals } from './signals.ts';

const { url } = await createTestDatabase();
const { db, close } = connect(url);
const log = pino({ level: 'silent' });
const signals = await startSignals(url, log);
const services = { db, log, signals, settings: { timeZone: 'UTC', logLimitMib: 200 } } as Services;
const context = { db, services };
afterAll(async () => {
  await signals.stop();
  await close();
});

const plain: Masker = { mask: (text) => text, maskJson: (value) => value };
const allPages = { from: 0, limit: 1000, limited: false, after: null };

const line = (number: number, more: Partial<LogLine> = {}): LogLine => ({
  number,
  time: '2026-05-11T14:12:31.482+02:00',
  level: 'info',
  severity: 6,
  source: 'stdout',
  message: `line ${number}`,
  context: null,
  ...more,
});
const lines = (from: number, to: number): LogLine[] =>
  Array.from({ length: to - from + 1 }, (_, index) => line(from + index));

const numbers = (items: readonly string[]): number[] =>
  items.map((item) => (JSON.parse(item) as LogLine).number);

/** A background operation that lines can belong to. */
async function makeSubject(): Promise<string> {
  const id = newId();
  await db
    .insertInto('states')
    .values({
      id,
      name: 'build',
      status: 'done',
      owner_id: id,
      connector_id: id,
      version_id: id,
      major: 1,
      config: '{}',
    })
    .execute();
  return id;
}

async function readAll(subject: string): Promise<LogLine[]> {
  const { items } = await logList(context, subject, {}, allPages);
  return items.map((item) => JSON.parse(item) as LogLine);
}

test('what a log belongs to may be removed: nothing is written any more', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, [line(1)]);
  await removeLogs(db, [subject]);
  await db.deleteFrom('states').where('id', '=', subject).execute();
  await appendLines(db, subject, [line(1), line(2)]);
  expect(await readAll(subject)).toEqual([]);
});

test('lines come back as the contract shows them', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, [line(1, { context: { address: 'http://x', status: 500 } })]);
  const { items } = await logList(context, subject, {}, allPages);
  expect(items).toEqual([
    '{"number":1,"time":"2026-05-11T14:12:31.482+02:00","level":"info","severity":6,"source":"stdout","message":"line 1","context":{"address":"http://x","status":500}}',
  ]);
});

test('repeated and overlapping appends store nothing twice', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, lines(1, 10));
  await appendLines(db, subject, lines(1, 10));
  await appendLines(db, subject, lines(6, 300));
  await appendLines(db, subject, lines(299, 700));
  expect((await readAll(subject)).map(({ number }) => number)).toEqual(
    Array.from({ length: 700 }, (_, index) => index + 1),
  );
});

test('a number that is left out is refused, and nothing of the append is stored', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, lines(1, 3));
  await expect(appendLines(db, subject, [line(4), line(6)])).rejects.toThrow('Line 5');
  expect((await readAll(subject)).at(-1)?.number).toBe(3);
});

test('chunks hold a few hundred lines and small appends fill them up', async () => {
  const subject = await makeSubject();
  for (let first = 1; first <= 300; first += 10) await appendLines(db, subject, lines(first, first + 9));
  await appendLines(db, subject, lines(301, 1000));
  const { rows } = await sql<{ first: number; last: number }>`
    SELECT first, last FROM log_chunks WHERE subject = ${subject} ORDER BY first`.execute(db);
  expect(rows.length).toBeLessThanOrEqual(5);
  expect(rows.every((row) => row.last - row.first < 300)).toBe(true);
});

test('totals and pages are exact under every filter', async () => {
  const subject = await makeSubject();
  const levels = [
    { level: 'error', severity: 3 },
    { level: 'warning', severity: 4 },
    { level: 'info', severity: 6 },
    { level: 'debug', severity: 7 },
  ] as const;
  const all = lines(1, 2000).map((item, index) => ({
    ...item,
    ...levels[index % 4]!,
    source: index % 3 === 0 ? 'stderr' : 'stdout',
  }));
  await appendLines(db, subject, all);
  const filters = [
    {},
    { level: 'warning' },
    { source: ['stderr'] },
    { level: 'error', source: ['stderr', 'engine'] },
    { source: ['engine'] },
  ];
  for (const filter of filters) {
    const wanted = all.filter(
      (item) =>
        (filter.level === undefined || item.severity <= (filter.level === 'error' ? 3 : 4)) &&
        (filter.source === undefined || filter.source.includes(item.source)),
    );
    const seen: number[] = [];
    let after: string | null = null;
    let from = 0;
    do {
      const page = await logList(context, subject, filter, { from: 0, limit: 37, limited: true, after });
      expect(page).toMatchObject({ total: wanted.length, from });
      seen.push(...numbers(page.items));
      from += page.items.length;
      after = page.after;
    } while (after !== null);
    expect(seen).toEqual(wanted.map(({ number }) => number));
    const middle = await logList(context, subject, filter, { from: 5, limit: 3, limited: true, after: null });
    expect(numbers(middle.items)).toEqual(wanted.slice(5, 8).map(({ number }) => number));
  }
  const beyond = await logList(context, subject, {}, { from: 5000, limit: 3, limited: true, after: null });
  expect(beyond).toEqual({ items: [], total: 2000, from: 5000, after: null });
});

test('a cursor that is none of ours is refused', async () => {
  await expect(logList(context, newId(), {}, { ...allPages, after: 'nonsense' })).rejects.toMatchObject({
    status: 400,
    body: { errors: { after: 'This value is not valid.' } },
  });
});

test('an open log numbers on behind what is stored, and several writers share one sequence', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, lines(1, 2));
  const writers = Array.from({ length: 4 }, () => openLog(services, subject, plain));
  await Promise.all(
    writers.map(async (writer, index) => {
      for (let count = 0; count < 100; count += 1) {
        await writer.write({ level: 'info', source: `w${index}`, message: String(count) });
        if (count % 10 === 0) await writer.flush();
      }
      await writer.close();
    }),
  );
  const all = await readAll(subject);
  expect(all.map(({ number }) => number)).toEqual(Array.from({ length: 402 }, (_, index) => index + 1));
  for (let index = 0; index < 4; index += 1) {
    const own = all.filter(({ source }) => source === `w${index}`).map(({ message }) => Number(message));
    expect(own).toEqual(Array.from({ length: 100 }, (_, count) => count));
  }
});

test('entries are stored within 200 ms without being asked', async () => {
  const subject = await makeSubject();
  const writer = openLog(services, subject, plain);
  await writer.write({ level: 'success', source: 'engine', message: 'there' });
  await setTimeout(500);
  expect(await readAll(subject)).toMatchObject([{ level: 'success', severity: 6, message: 'there' }]);
});

test('message and context are masked before they are stored', async () => {
  const subject = await makeSubject();
  const masker: Masker = {
    mask: (text) => text.replaceAll('s3cret', '***'),
    maskJson: (value) => JSON.parse(JSON.stringify(value).replaceAll('s3cret', '***')) as unknown,
  };
  const writer = openLog(services, subject, masker);
  await writer.write({
    level: 'error',
    source: 'clone',
    message: 'with s3cret',
    context: { token: 's3cret' },
  });
  await writer.close();
  const { rows } = await sql<{ lines: string }>`
    SELECT lines FROM log_chunks WHERE subject = ${subject}`.execute(db);
  expect(rows[0]?.lines).toContain('with ***');
  expect(rows[0]?.lines).not.toContain('s3cret');
});

test('messages are cut at 64 KiB, at the border of a character', async () => {
  const subject = await makeSubject();
  const writer = openLog(services, subject, plain);
  await writer.write({ level: 'info', source: 'image', message: `x${'ä'.repeat(40_000)}` });
  await writer.close();
  const [stored] = await readAll(subject);
  expect(Buffer.byteLength(stored?.message ?? '')).toBe(65_535);
  expect(stored?.message.endsWith('ä')).toBe(true);
});

test('times stand in the zone of the server, with milliseconds', () => {
  const time = new Date('2026-05-11T12:12:31.482Z');
  expect(lineTime(time, 'UTC')).toBe('2026-05-11T12:12:31.482+00:00');
  expect(lineTime(time, 'Europe/Berlin')).toBe('2026-05-11T14:12:31.482+02:00');
  expect(lineTime(time, 'America/St_Johns')).toBe('2026-05-11T09:42:31.482-02:30');
  expect(lineTime(new Date('2026-01-11T12:12:31.482Z'), 'Europe/Berlin')).toBe(
    '2026-01-11T13:12:31.482+01:00',
  );
});

test('newline-delimited JSON carries everything that matches, and a part when asked', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, lines(1, 1500));
  const read = async (page: Partial<typeof allPages>) => {
    const { stream } = await logStream(context, subject, 'application/x-ndjson', {
      query: {},
      page: { from: 0, limit: 100, limited: false, after: null, ...page },
      lastEventId: 0,
      settled: async () => null,
    });
    const text = (await stream.toArray()).join('');
    return text.split('\n').slice(0, -1);
  };
  expect(await read({})).toHaveLength(1500);
  expect(numbers(await read({ from: 10, limit: 5, limited: true }))).toEqual([11, 12, 13, 14, 15]);
  expect(numbers(await read({ from: 1499 }))).toEqual([1500]);
});

/** Reads server-sent events over HTTP until the server closes. */
async function serveLog(subject: string, settled: () => Promise<string | null>, commentMs?: number) {
  const server = createServer(async (request, response) => {
    const { stream } = await logStream(context, subject, 'text/event-stream', {
      query: {},
      page: allPages,
      lastEventId: Number(request.headers['last-event-id'] ?? 0),
      settled,
      ...(commentMs === undefined ? {} : { commentMs }),
    });
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    // As the framework does: a reader that leaves ends the stream, and what it still throws is nobody's.
    pipeline(stream, response, () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  return { address, close: () => new Promise((resolve) => server.close(resolve)) };
}

const eventsOf = (text: string) =>
  text
    .split('\n\n')
    .filter((block) => block !== '' && !block.startsWith(':'))
    .map((block) =>
      Object.fromEntries(
        block.split('\n').map((part) => part.split(/: (.*)/s).slice(0, 2) as [string, string]),
      ),
    );

test('a follower gets what is stored, then what is written, then the end; and the server closes', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, lines(1, 3));
  let status: string | null = null;
  const server = await serveLog(subject, async () => status);
  const body = fetch(server.address).then((response) => response.text());
  const writer = openLog(services, subject, plain);
  for (let count = 0; count < 5; count += 1) {
    await writer.write({ level: 'info', source: 'engine', message: `later ${count}` });
    await setTimeout(30);
  }
  await writer.close();
  await appendLines(db, subject, [line(9)]);
  status = 'done';
  await db.transaction().execute((work) => announce(work, subject));
  const events = eventsOf(await body);
  expect(events.map(({ event, id }) => [event, id])).toEqual([
    ...Array.from({ length: 9 }, (_, index) => ['log', String(index + 1)]),
    ['end', undefined],
  ]);
  expect(JSON.parse(events[3]?.data ?? '')).toMatchObject({ number: 4, message: 'later 0' });
  expect(events.at(-1)?.data).toBe('{"status":"done"}');
  await server.close();
});

test('Last-Event-ID goes on behind that line', async () => {
  const subject = await makeSubject();
  await appendLines(db, subject, lines(1, 600));
  const server = await serveLog(subject, async () => 'failed');
  const response = await fetch(server.address, { headers: { 'last-event-id': '597' } });
  const events = eventsOf(await response.text());
  expect(events.map(({ event, id }) => [event, id])).toEqual([
    ['log', '598'],
    ['log', '599'],
    ['log', '600'],
    ['end', undefined],
  ]);
  await server.close();
});

test('a silent log sends comments, and a reader that leaves is forgotten', async () => {
  const subject = await makeSubject();
  const server = await serveLog(subject, async () => null, 100);
  const aborter = new AbortController();
  const response = await fetch(server.address, { signal: aborter.signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  while (text.split(': \n\n').length < 4) text += (await reader?.read())?.value ?? '';
  aborter.abort();
  expect(eventsOf(text)).toEqual([]);
  await server.close();
});

test('news reach a listener again after its connection was lost', async () => {
  const subject = await makeSubject();
  let woken = 0;
  const stop = signals.subscribe(subject, () => {
    woken += 1;
  });
  await sql`SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE 'LISTEN%'`.execute(db);
  await setTimeout(2000);
  const before = woken;
  await appendLines(db, subject, [line(1)]);
  await setTimeout(300);
  expect(woken).toBeGreaterThan(before);
  stop();
});

test('beyond the limit only warnings and worse are stored, and one entry says so', async () => {
  const subject = await makeSubject();
  const settings = { ...services.settings, logLimitMib: 0.001 };
  const writer = openLog({ ...services, settings }, subject, plain);
  for (const level of ['info', 'info', 'info', 'error', 'debug', 'warning'] as const) {
    await writer.write({ level, source: 'image', message: level.padEnd(500, '.') });
  }
  await writer.close();
  const all = await readAll(subject);
  expect(all.map(({ message }) => message.split('.')[0])).toEqual([
    'info',
    'info',
    'The log has reached its limit of 0',
    'error',
    'warning',
  ]);
});

test('what the database does not take waits until it does', async () => {
  const subject = await makeSubject();
  await sql`ALTER TABLE log_chunks RENAME TO log_chunks_away`.execute(db);
  const writer = openLog(services, subject, plain);
  await writer.write({ level: 'info', source: 'image', message: 'one' });
  await expect(writer.flush()).rejects.toThrow('log_chunks');
  await writer.write({ level: 'info', source: 'image', message: 'two' });
  await sql`ALTER TABLE log_chunks_away RENAME TO log_chunks`.execute(db);
  await writer.close();
  expect((await readAll(subject)).map(({ number, message }) => [number, message])).toEqual([
    [1, 'one'],
    [2, 'two'],
  ]);
});
