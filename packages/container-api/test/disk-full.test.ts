import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type SmallDisk, smallDisk } from '../../records/test/small-disk.ts';
import { type ContainerApi, readLog, runFolder, startContainerApi } from '../src/index.ts';
import { endStandAlone, startStandAlone } from './stand-alone.ts';
import { readOutput, temporaryFolder, testContext } from './test-run.ts';

/**
 * A disk that fills up while a run goes on: clear answers, nothing half done, and everything but the rows goes on when
 * there is space again.
 */

let folder: string;
let remove: () => Promise<void>;
let api: ContainerApi | null = null;

beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(async () => {
  await api?.close();
  api = null;
  endStandAlone();
  await remove();
});

const INTERNAL = '{"message":"Internal server error."}';

/** Starts, or starts again, the Container API of a run whose folder lies on a small disk. */
async function start(disk: SmallDisk, bucketFolder: string | null = null): Promise<void> {
  await api?.close();
  api = null;
  const context = testContext(join(disk.path, 'run'), {
    bucketFolder,
    exchangeFolder: join(folder, 'shared'),
  });
  api = await startContainerApi(context, { host: '127.0.0.1', port: 0 });
}

async function call(
  method: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(api!.url + path, {
    method,
    headers,
    ...(body === undefined ? {} : { body: text }),
  });
  return { status: answer.status, text: await answer.text() };
}

const LONG = 'x'.repeat(20_000);

describe.each([
  {
    what: 'log entries',
    method: 'POST',
    path: '/logs/info',
    body: (text: string) => ({ message: text }),
    ok: 201,
  },
  {
    what: 'notifications',
    method: 'POST',
    path: '/notifications/info',
    body: (text: string) => ({ message: text.slice(0, 2000) }),
    ok: 201,
  },
  {
    what: 'events',
    method: 'POST',
    path: '/event-log',
    body: (text: string) => ({ events: [{ code: 'INFO_X', message: text }] }),
    ok: 201,
  },
  {
    what: 'checkpoints',
    method: 'PUT',
    path: '/state/key',
    body: (text: string) => ({ value: text }),
    ok: 200,
  },
])('$what', ({ method, path, body, ok }) => {
  /** What is stored: the first characters of each text. */
  async function stored(disk: SmallDisk): Promise<string[]> {
    const files = runFolder(join(disk.path, 'run'));
    const { log, notifications, events, checkpointChanges } = files;
    const file = path.startsWith('/logs')
      ? log
      : path.startsWith('/not')
        ? notifications
        : path.startsWith('/event')
          ? events
          : checkpointChanges;
    const lines = (await readFile(file, 'utf8')).split('\n').slice(0, -1);
    // Every line is whole.
    for (const line of lines) JSON.parse(line);
    return lines.flatMap((line) => /(?:text \d+)/.exec(line)?.[0] ?? []);
  }

  test('are refused while the disk is full, and taken again when there is space', async (context) => {
    const disk = smallDisk(context);
    await start(disk);
    expect((await call(method, path, body(`text 1 ${LONG}`))).status).toBe(ok);
    await disk.fill();
    // Into what is left of the last block some small ones fit.
    const sent = ['text 1'];
    for (let number = 2; ; number++) {
      const answer = await call(method, path, body(`text ${number} ${LONG}`));
      if (answer.status === 500) {
        expect(answer.text).toBe(INTERNAL);
        break;
      }
      sent.push(`text ${number}`);
    }
    // Several at once fail alike.
    const more = await Promise.all(['a', 'b', 'c'].map((mark) => call(method, path, body(`${mark}${LONG}`))));
    expect(new Set(more.map(({ status }) => status))).toEqual(new Set([500]));
    expect(await stored(disk)).toEqual(sent);
    await disk.free();
    expect((await call(method, path, body(`text 999 ${LONG}`))).status).toBe(ok);
    expect(await stored(disk)).toEqual([...sent, 'text 999']);
    const { entries } = await readLog(runFolder(join(disk.path, 'run')).log, 0, 8 * 1024 ** 2);
    expect(entries.map(({ number }) => number)).toEqual(entries.map((_entry, index) => index + 1));
    if (path.startsWith('/state')) {
      const { text } = await call('GET', path);
      expect(JSON.parse(text).data).toMatchObject({ value: `text 999 ${LONG}`, version: sent.length + 1 });
    }
  });
});

test('a key of a call that could not be stored is free: sent again, the call is done once', async (context) => {
  const disk = smallDisk(context);
  await start(disk);
  const log = (text: string, key?: string) =>
    call('POST', '/logs/info', { message: text }, key === undefined ? {} : { 'Idempotency-Key': key });
  expect((await log('before', 'first')).status).toBe(201);
  await disk.fill();
  // The key itself still fits into the last block of its file; its effect does not.
  expect((await log(`wanted ${LONG}`, 'second')).status).toBe(500);
  await disk.free();
  for (let other = 0; other < 3; other++) expect((await log(`other ${other}`)).status).toBe(201);
  await start(disk);
  expect((await log(`wanted ${LONG}`, 'second')).status).toBe(201);
  expect((await log(`wanted ${LONG}`, 'second')).status).toBe(201);
  expect((await log('before', 'first')).status).toBe(201);
  const { entries } = await readLog(runFolder(join(disk.path, 'run')).log, 0, 8 * 1024 ** 2);
  const said = entries.filter(({ source }) => source === 'application').map(({ message }) => message);
  expect(said).toEqual(['before', 'other 0', 'other 1', 'other 2', `wanted ${LONG}`]);
});

test.for<[string, string, number]>([
  ['one row', 'application/json', 1],
  ['a batch', 'application/json', 500],
  ['lines', 'application/x-ndjson', 4000],
])(
  'rows sent as %s: the call leaves nothing, and the run takes no rows any more',
  async ([, type, size], context) => {
    const disk = smallDisk(context);
    await start(disk);
    const rows = (text: string) => Array.from({ length: size }, (_row, id) => ({ id: String(id), text }));
    const write = (text: string) =>
      call(
        'POST',
        '/output/output',
        type === 'application/json'
          ? { data: rows(text) }
          : rows(text)
              .map((row) => `${JSON.stringify(row)}\n`)
              .join(''),
        { 'content-type': type },
      );
    expect((await write('first')).status).toBe(201);
    await disk.fill(Math.min(1024 ** 2, size * 300));
    let taken = 1;
    for (;;) {
      const answer = await write('x'.repeat(1000));
      if (answer.status === 500) {
        expect(answer.text).toBe(INTERNAL);
        break;
      }
      expect(answer.status).toBe(201);
      taken += 1;
    }
    const output = join(disk.path, 'run', 'output');
    expect((await readdir(output)).filter((name) => name.includes('staged'))).toEqual([]);
    await disk.free();
    for (const path of ['/output/output', '/output/feedback']) {
      const later = await call('POST', path, { data: [{ id: 'late' }] });
      expect([later.status, later.text]).toEqual([500, INTERNAL]);
    }
    expect(api!.summary().outputFailed).toBe(true);
    expect((await readOutput(join(disk.path, 'run'), 'output')).count).toBe(taken * size);
    // Started again it has not forgotten.
    await start(disk);
    expect((await call('POST', '/output/output', { data: [{ id: 'late' }] })).status).toBe(500);
    expect(api!.summary().outputFailed).toBe(true);
  },
);

test('files: a bucket, a store and the exchange folder keep what they had, and work again when there is space', async (context) => {
  const disk = smallDisk(context);
  const bucket = join(disk.path, 'bucket');
  await mkdir(bucket);
  const shared = join(folder, 'shared');
  await mkdir(shared);
  await start(disk, bucket);
  await writeFile(join(shared, 'small'), 'old');
  await writeFile(join(shared, 'large'), Buffer.alloc(1024 ** 2, 1));
  const upload = (from: string, to: string) =>
    call('PUT', `/buckets/exchange/upload/${to}`, { source_file: from });
  expect((await upload('small', 'file')).status).toBe(202);
  await disk.fill(64 * 1024);

  const failed = await upload('large', 'file');
  expect([failed.status, failed.text]).toEqual([500, INTERNAL]);
  expect((await upload('large', 'folder/new')).status).toBe(500);
  expect(await readFile(join(bucket, 'file'), 'utf8')).toBe('old');
  expect((await readdir(bucket, { recursive: true })).filter((name) => name !== 'folder')).toEqual(['file']);
  expect(await readdir(join(disk.path, 'run', 'staging'))).toEqual([]);

  const store = await call('POST', '/store/to-transport', { source_file: 'large', remote_file: 'delivered' });
  expect(store.status).toBe(202);
  const { id } = JSON.parse(store.text).data;
  await expect
    .poll(async () => JSON.parse((await call('GET', `/processes/${id}`)).text).data.status)
    .toBe('failed');
  await disk.free();
  const { entries } = await readLog(runFolder(join(disk.path, 'run')).log);
  expect(entries.map(({ message }) => message)).toContain(`Process ${id} failed: the disk is full.`);

  expect((await upload('large', 'file')).status).toBe(202);
  expect((await readFile(join(bucket, 'file'))).length).toBe(1024 ** 2);
  await disk.fill(64 * 1024);
  const download = await call('GET', '/buckets/exchange/download/file');
  expect([download.status, download.text]).toEqual([500, INTERNAL]);
  expect((await readdir(shared)).sort()).toEqual(['large', 'small']);
  await disk.free();
  expect((await call('GET', '/buckets/exchange/download/file')).status).toBe(202);
  expect((await readFile(join(shared, 'file'))).length).toBe(1024 ** 2);
});

/** Writes until a call is answered otherwise; the ids that were acknowledged, and that other answer. */
async function fill(url: string): Promise<{ acknowledged: string[]; status: number; body: string }> {
  const acknowledged: string[] = [];
  for (let call = 0; ; call++) {
    const data = Array.from({ length: 50 }, (_, row) => ({ id: `${call}-${row}`, text: 'x'.repeat(500) }));
    const answer = await fetch(`${url}/output/output`, { method: 'POST', body: JSON.stringify({ data }) });
    if (answer.status !== 201) return { acknowledged, status: answer.status, body: await answer.text() };
    for (const { id } of data) acknowledged.push(id);
  }
}

/** What holds whatever ended the space: clear answers, nothing half done, and the run has failed. */
async function endsInOrder(
  { url, end }: Awaited<ReturnType<typeof startStandAlone>>,
  makeRoom: () => Promise<void>,
): Promise<void> {
  const { acknowledged, status, body } = await fill(url);
  expect([status, body]).toEqual([500, INTERNAL]);
  expect(acknowledged.length).toBeGreaterThan(100);
  await makeRoom();
  // Rows were lost: every later write of the run is refused, everything else works on.
  const later = await fetch(`${url}/output/output`, { method: 'POST', body: '{"data":[{"id":"late"}]}' });
  expect([later.status, await later.text()]).toEqual([500, INTERNAL]);
  expect((await fetch(`${url}/ping`)).status).toBe(200);
  const { code, said } = await end('SIGTERM');
  expect([code, said.state, said['output-failed']]).toEqual([1, 'failed', true]);
  const rows = (await readFile(join(folder, 'out.ndjson'), 'utf8')).split('\n').slice(0, -1);
  expect(rows.map((row) => (JSON.parse(row) as { id: string }).id)).toEqual(acknowledged);
}

test('a disk that is full: the write is refused, what was acknowledged is whole, the run fails', {
  timeout: 30_000,
}, async (context) => {
  const disk = smallDisk(context);
  await disk.fill(3 * 1024 ** 2);
  await mkdir(join(folder, 'disk'));
  const sidecar = await startStandAlone(folder, {
    connector: { type: 'datasource' },
    'run-folder': join(disk.path, 'run'),
    outputs: { output: 'out.ndjson' },
  });
  await endsInOrder(sidecar, () => disk.free());
});

test('a file that may not grow any more: the same', { timeout: 30_000 }, async () => {
  const limited = ['sh', '-c', 'trap "" XFSZ; ulimit -f 4096; exec "$@"', 'sh'];
  const sidecar = await startStandAlone(
    folder,
    { connector: { type: 'datasource' }, outputs: { output: 'out.ndjson' } },
    { through: limited },
  );
  await endsInOrder(sidecar, async () => {});
});
