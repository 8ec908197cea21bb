import { mkdir, readdir, readFile, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ContainerApi, type RunContext, readLog, runFolder, startContainerApi } from '../src/index.ts';
import { send } from './raw-client.ts';
import { temporaryFolder, testContext } from './test-run.ts';

let folder: string;
let remove: () => Promise<void>;
let api: ContainerApi;
let changes: Partial<RunContext>;

const NEVER = new AbortController().signal;
const exchange = (...path: string[]) => join(folder, 'exchange', ...path);
const bucket = (...path: string[]) => join(folder, 'bucket', ...path);
const content = (path: string) => readFile(path, 'utf8').catch(() => null);

async function restart(more: Partial<RunContext> = {}): Promise<void> {
  await api.close();
  changes = { ...changes, ...more };
  api = await startContainerApi(testContext(folder, changes), { host: '127.0.0.1', port: 0 });
}

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  await mkdir(bucket());
  changes = { bucketFolder: bucket() };
  api = await startContainerApi(testContext(folder, changes), { host: '127.0.0.1', port: 0 });
  await mkdir(exchange('out/b'), { recursive: true });
  await writeFile(exchange('out/a.csv'), 'a');
  await writeFile(exchange('out/b/c.csv'), 'c');
  await mkdir(join(folder, 'outside'));
  await writeFile(join(folder, 'outside/secret.txt'), 'secret');
});
afterEach(async () => {
  await api.close();
  await remove();
});

async function call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}) {
  const answer = await send(
    api.port,
    method,
    path,
    headers,
    body === undefined ? null : JSON.stringify(body),
  );
  return { status: answer.status, body: JSON.parse(answer.body) };
}
const upload = (path: string, source: string) =>
  call('PUT', `/buckets/exchange/upload/${path}`, { source_file: source });
const download = (path: string) => call('GET', `/buckets/exchange/download/${path}`);
async function store(source: string, remote: string, headers: Record<string, string> = {}) {
  const body = { source_file: source, remote_file: remote };
  return await call('POST', '/store/to-transport', body, headers);
}
const process = async (id: string) => (await call('GET', `/processes/${id}`)).body.data;
const invalid = (errors: object) => ({ status: 400, body: { message: 'Validation failed', errors } });
const NO_FILE = invalid({ sourceFile: 'File not found.' });
const NO_PATH = invalid({ remoteFile: 'Not a valid file path.' });

test.for([
  ['out', 'links/to-folder', 'links/to-folder/a.csv', 'a'],
  ['../out/a.csv', 'links/up.csv', 'links/up.csv', 'a'],
  ['/data/productsup/out/b', 'links/absolute', 'links/absolute/c.csv', 'c'],
  ['../../outside', 'links/leads-out', 'links/leads-out/secret.txt', null],
  ['/etc/passwd', 'links/passwd', 'links/passwd', null],
  ['loop', 'links/loop', 'links/loop', null],
  ['../out/../../outside/secret.txt', 'links/through', 'links/through', null],
] as const)('a link to %s is followed only inside', async ([target, link, source, expected]) => {
  await mkdir(exchange('links'));
  await symlink(link === 'links/to-folder' ? '../out' : target, exchange(link));
  const answer = await upload('copy', source);
  if (expected === null) expect(answer).toEqual(NO_FILE);
  else expect(answer.status).toBe(202);
  expect(await content(bucket('copy'))).toBe(expected);
});

test('a link that is swapped in while sources are opened leads nowhere', async () => {
  await mkdir(exchange('swap'));
  await writeFile(exchange('swap/secret.txt'), 'harmless');
  await symlink(join(folder, 'outside'), exchange('link'));
  let swapping = true;
  const swap = (async () => {
    while (swapping) {
      await rename(exchange('swap'), exchange('kept'));
      await rename(exchange('link'), exchange('swap'));
      await rename(exchange('swap'), exchange('link'));
      await rename(exchange('kept'), exchange('swap'));
      // In step with the requests each of them would meet the same moment.
      await sleep(Math.random() * 3);
    }
  })();
  const seen = new Set<string | null>();
  for (let round = 0; round < 300; round++) {
    const { status } = await upload(`r${round}`, 'swap/secret.txt');
    if (status === 202) seen.add(await content(bucket(`r${round}`)));
  }
  swapping = false;
  await swap;
  expect([...seen]).toEqual(['harmless']);
});

test('downloads never write through a link', async () => {
  await mkdir(bucket('dir'));
  await writeFile(bucket('dir/new.txt'), 'new');
  await writeFile(bucket('secret.txt'), 'new');
  await symlink(join(folder, 'outside'), exchange('dir'));
  await symlink(join(folder, 'outside/secret.txt'), exchange('secret.txt'));
  expect(await download('dir/new.txt')).toEqual(NO_PATH);
  expect(await readdir(join(folder, 'outside'))).toEqual(['secret.txt']);
  expect((await download('secret.txt')).status).toBe(202);
  expect(await content(exchange('secret.txt'))).toBe('new');
  expect(await content(join(folder, 'outside/secret.txt'))).toBe('secret');
});

test('a downloaded file is open to every user, its folders too', async () => {
  await mkdir(bucket('x/y'), { recursive: true });
  await writeFile(bucket('x/y/z'), 'z', { mode: 0o600 });
  expect((await download('x/y/z')).status).toBe(202);
  expect((await stat(exchange('x/y/z'))).mode & 0o777).toBe(0o666);
  expect((await stat(exchange('x/y'))).mode & 0o777).toBe(0o777);
});

test('a target below a file is no valid path, neither to download nor to upload', async () => {
  await mkdir(bucket('out/a.csv'), { recursive: true });
  await writeFile(bucket('out/a.csv/x'), 'x');
  expect(await download('out/a.csv/x')).toEqual(NO_PATH);
  expect(await upload('out/a.csv/x/y', 'out/a.csv')).toEqual(NO_PATH);
  expect(await upload('out', 'out/a.csv')).toEqual(NO_PATH);
  expect(await readdir(join(folder, 'staging'))).toEqual([]);
});

test.for([
  'a/%00',
  'a%0Ab',
  'a%7Fb',
  '%2E%2E',
  'a/%2e%2e/b',
  '',
  '.',
  'ä'.repeat(128),
  `${'d/'.repeat(512)}x`,
])('the remote path %j is not valid', async (path) => {
  const encoded = path.replaceAll('ä', '%C3%A4');
  expect(await upload(encoded, 'out/a.csv')).toEqual(NO_PATH);
  expect(await download(encoded)).toEqual(NO_PATH);
});

test('a path that can not be decoded is a bad request', async () => {
  const body = { message: 'Bad request.', errors: { path: 'This value is not valid.' } };
  expect(await download('%FF')).toEqual({ status: 400, body });
});

test('a deleted file takes empty folders along', async () => {
  await upload('p/q/r', 'out/a.csv');
  await upload('p/s', 'out/a.csv');
  expect((await call('DELETE', '/buckets/delete/p/q/r')).status).toBe(202);
  expect(await readdir(bucket('p'))).toEqual(['s']);
});

test('a download beyond the size of the exchange folder fails as on a full disk', async () => {
  await restart({ fileLimits: { exchangeBytes: 10 } });
  await writeFile(bucket('eight'), '12345678');
  await writeFile(bucket('nine'), '123456789');
  expect(await download('nine')).toEqual({ status: 500, body: { message: 'Internal server error.' } });
  expect((await download('eight')).status).toBe(202);
  expect(await content(exchange('nine'))).toBe(null);
});

test('a folder is stored with everything below it; links that lead out are skipped', async () => {
  await symlink('/etc', exchange('out/etc'));
  await symlink('.', exchange('out/round'));
  await symlink('a.csv', exchange('out/inside'));
  const { body } = await store('/', '/remote/all/');
  await api.finishProcesses(NEVER);
  expect(await process(body.data.id)).toEqual({
    id: body.data.id,
    status: 'finished',
    'exit-code': 0,
    'seconds-remaining': 0,
  });
  const root = join(runFolder(folder).store('transport'), 'remote/all/out');
  expect((await readdir(root)).sort()).toEqual(['a.csv', 'b', 'inside']);
  expect(await content(join(root, 'b/c.csv'))).toBe('c');
  expect(api.summary().failedProcess).toBe(null);
});

test('a failed process fails the run until its path is stored again', async () => {
  await store('out/a.csv', 'taken');
  await api.finishProcesses(NEVER);
  const { body } = await store('out/a.csv', 'taken/below');
  const { id } = body.data;
  await api.finishProcesses(NEVER);
  const cause = 'a file or folder is in the way';
  expect(api.summary().failedProcess).toEqual({ id, cause });
  await api.log.flush();
  expect((await readLog(runFolder(folder).log)).entries.at(-1)).toMatchObject({
    level: 'error',
    source: 'container-api',
    message: `Process ${id} failed: ${cause}.`,
    context: { id, store: 'transport', 'remote-file': 'taken/below' },
  });
  await restart();
  expect(api.summary().failedProcess).toEqual({ id, cause });
  await rm(join(runFolder(folder).store('transport'), 'taken'));
  await store('out/a.csv', '/taken//below');
  await api.finishProcesses(NEVER);
  expect(api.summary().failedProcess).toBe(null);
});

test('processes that were running go on after a restart, without doing a key twice', async () => {
  await restart({ fileLimits: { parallelProcesses: 0 } });
  const first = await store('out/a.csv', 'kept.csv', { 'Idempotency-Key': 'k' });
  expect(await process(first.body.data.id)).toMatchObject({ status: 'running', 'exit-code': null });
  await restart({ fileLimits: {} });
  await api.finishProcesses(NEVER);
  expect(await content(join(runFolder(folder).store('transport'), 'kept.csv'))).toBe('a');
  expect(await store('out/a.csv', 'kept.csv', { 'Idempotency-Key': 'k' })).toEqual(first);
  expect((await store('out/a.csv', 'other.csv', { 'Idempotency-Key': 'k' })).status).toBe(409);
  await call('POST', '/processes/log');
  const { entries } = await readLog(runFolder(folder).log);
  expect(entries.filter(({ message }) => message.endsWith('finished, exit code 0.'))).toHaveLength(1);
});

test('processes end with 130 when they are stopped and with 124 when their time ran out', async () => {
  await truncateTo('large', 2 * 1024 ** 3);
  const stopped = (await store('large', 'stopped')).body.data.id;
  await api.finishProcesses(AbortSignal.abort());
  expect(await process(stopped)).toMatchObject({ status: 'failed', 'exit-code': 130 });
  await restart({ fileLimits: { processSeconds: 0 } });
  const late = (await store('large', 'late')).body.data.id;
  await api.finishProcesses(NEVER);
  expect(await process(late)).toMatchObject({ status: 'failed', 'exit-code': 124, 'seconds-remaining': 0 });
  expect(await readdir(join(folder, 'staging'))).toEqual([]);
});

test('an upload that takes long is answered and goes on as a process', async () => {
  await restart({ fileLimits: { uploadAnswerMs: 1 } });
  await truncateTo('large', 64 * 1024 ** 2);
  expect((await upload('large', 'large')).status).toBe(202);
  const [pending] = (await call('GET', '/processes/pending')).body.data;
  expect(pending).toMatchObject({ status: 'running' });
  expect(await content(bucket('large'))).toBe(null);
  await api.finishProcesses(NEVER);
  expect((await stat(bucket('large'))).size).toBe(64 * 1024 ** 2);
  expect(await process(pending.id)).toMatchObject({ status: 'finished' });
});

async function truncateTo(name: string, bytes: number): Promise<void> {
  await writeFile(exchange(name), '');
  await truncate(exchange(name), bytes);
}
