import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunConfig, readLog, readSummary, runFolder } from '../src/index.ts';
import { endStandAlone, NotStartedError, startStandAlone } from './stand-alone.ts';
import { temporaryFolder } from './test-run.ts';

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(async () => {
  endStandAlone();
  await remove();
});

const file = (name: string) => readFile(join(folder, name), 'utf8');
// biome-ignore lint/suspicious/noExplicitAny: answers of several operations
const json = async (url: string): Promise<any> => (await fetch(url)).json();
const post = (url: string, body: unknown, method = 'POST') =>
  fetch(url, { method, body: typeof body === 'string' ? body : JSON.stringify(body) });

/** What is said about a configuration that can not be used. */
async function complaint(config: unknown, environment: Record<string, string> = {}): Promise<string> {
  const started = startStandAlone(folder, config as RunConfig, { environment });
  const error = await started.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(NotStartedError);
  const { code, complaints } = error as NotStartedError;
  expect(code, complaints).toBe(2);
  return complaints.replaceAll(folder, '…');
}

test('every problem of a configuration is told at once', async () => {
  const config = {
    conector: 1,
    connector: { type: 'import' },
    run: { stage: 'middle' },
    inputs: { input: {} },
    listen: { port: 65_536, 'public-url': 'https://x' },
    limits: { 'body-mib': 'much' },
  };
  expect(await complaint(config)).toBe(`…/config.json can not be used:
  connector.type: This value should be one of datasource, export, export-delta, data-service, download, transform, write, upload.
  run.stage: This value should be one of import, intermediate, export.
  listen.port: This value should be between 0 and 65535.
  listen.public-url: This value is not valid.
  inputs.input: This value should have either file or rows.
  limits.body-mib: This value does not have valid integer.
  conector: This field was not expected.
`);
});

describe('a configuration is refused', () => {
  const type = (name: string) => ({ connector: { type: name } });
  test.for<[string, unknown, string]>([
    ['that is no JSON', '{', '…/config.json is no JSON: '],
    ['that is no object', '[]', '…/config.json should hold a JSON object.\n'],
    [
      'with a stream that the type has not',
      { ...type('datasource'), inputs: { input: { rows: [] } } },
      'inputs.input: A connector of type datasource has no such stream.\n',
    ],
    [
      'with one stream under two names',
      { ...type('export'), inputs: { input: { rows: [] }, full: { rows: [] } } },
      'inputs.full: This is another name of input; only one can be given.\n',
    ],
    [
      'whose rows are wrong',
      { ...type('export'), inputs: { input: { file: 'rows.ndjson' } } },
      'inputs.input can not be read:\n  row 2: This value is not valid JSON.\n',
    ],
    [
      'whose rows are no objects',
      { ...type('export'), inputs: { input: { file: 'rows.json' } } },
      'inputs.input can not be read:\n  row 1: This value should be an object.\n',
    ],
    [
      'whose JSON file holds no list',
      { ...type('export'), inputs: { input: { file: 'object.json' } } },
      'inputs.input can not be read: it should hold a list of rows\n',
    ],
    [
      'whose file is not there',
      { ...type('export'), inputs: { input: { file: 'none.csv' } } },
      "inputs.input can not be read: ENOENT: no such file or directory, open '…/none.csv'\n",
    ],
    [
      'whose CSV is broken',
      { ...type('export'), inputs: { input: { file: 'broken.csv' } } },
      'inputs.input can not be read: Invalid Record Length: ',
    ],
    [
      'whose state file is none',
      { ...type('export'), 'state-file': 'object.ndjson' },
      'state-file can not be read: ',
    ],
    [
      'that names a secret which is not set',
      { ...type('export'), secrets: { environment: ['NOT_SET'] } },
      'secrets.environment: The variable NOT_SET is not set.\n',
    ],
    [
      'whose secrets are no list',
      { ...type('export'), secrets: { file: 'broken.csv' } },
      'secrets.file should hold a JSON list of texts.\n',
    ],
    [
      'whose secrets are not there',
      { ...type('export'), secrets: { file: 'none' } },
      'secrets.file can not be read: ENOENT: ',
    ],
  ])('%s', async ([, config, text]) => {
    await writeFile(join(folder, 'rows.ndjson'), '{"id":1}\n{"id":\n');
    await writeFile(join(folder, 'rows.json'), '[1]');
    await writeFile(join(folder, 'object.json'), '{}');
    await writeFile(join(folder, 'object.ndjson'), '{"a":');
    await writeFile(join(folder, 'broken.csv'), 'id\n1,2\n');
    expect(await complaint(config)).toContain(text);
  });
});

test('a run folder that can not be made is told', async () => {
  const config = { connector: { type: 'export' }, 'run-folder': 'config.json' };
  const error = await startStandAlone(folder, config).catch((thrown: unknown) => thrown);
  expect((error as NotStartedError).code).toBe(1);
  expect((error as NotStartedError).complaints).toMatch(/^The run could not be prepared: EEXIST: /);
});

test('files in, files out: rows, feedback, log and checkpoints', async () => {
  await writeFile(
    join(folder, 'state.json'),
    '{"last":{"value":1.10,"version":4,"updated-at":"2026-05-11T10:15:00+00:00"}}',
  );
  await writeFile(join(folder, 'secrets.json'), '["hunter22"]');
  const config: RunConfig = {
    connector: { type: 'data-service', name: 'Labels' },
    inputs: { full: { rows: [{ id: 1, __own: 'hidden', tags: ['a', { b: null }] }, { '10': 'x' }] } },
    outputs: { output: 'results/out.ndjson', feedback: 'feedback.ndjson', log: 'log.ndjson' },
    'state-file': 'state.json',
    secrets: { file: 'secrets.json', environment: ['TOKEN'] },
    'container-api-config': { separator: '.', 'batch-size-max': 5 },
    site: { id: 7, name: 'Shop' },
  };
  const { url, end } = await startStandAlone(folder, config, { environment: { TOKEN: 'swordfish' } });
  const rows = await (await fetch(`${url}/input/input/next_batch?size=5&show-hidden=1`)).text();
  expect(rows).toBe(
    '{"message":"","data":[{"id":"1","__own":"hidden","tags.0":"a","tags.1.b":"","10":""},{"id":"","__own":"","tags.0":"","tags.1.b":"","10":"x"}]}',
  );
  expect((await json(`${url}/metadata`)).data).toMatchObject({
    site: { id: 7, name: 'Shop' },
    account: { id: 0, name: 'local' },
    stage: 'intermediate',
  });
  expect(await (await fetch(`${url}/state/last`)).text()).toContain('"value":1.10,"version":4');
  await post(`${url}/state/last`, '{"value":2.50}', 'PUT');
  await post(`${url}/state/new?commit=now`, '{"value":{"a":[]}}', 'PUT');
  await post(`${url}/output/output`, { data: [{ id: 1 }, { b: { c: true } }] });
  await post(`${url}/output/feedback`, { data: [{ id: 1, status: 'ok' }] });
  await post(`${url}/logs/info`, { message: 'with hunter22 and swordfish' });
  const { code, said, complaints } = await end('SIGTERM');
  expect([code, complaints]).toEqual([0, '']);
  expect(said).toMatchObject({
    event: 'ended',
    state: 'finished',
    'rows-written': { output: 2, feedback: 1 },
  });
  expect(await file('results/out.ndjson')).toBe('{"id":"1","b.c":""}\n{"id":"","b.c":"true"}\n');
  expect(await file('feedback.ndjson')).toBe('{"id":"1","status":"ok"}\n');
  expect(await file('log.ndjson')).toContain('"message":"with *** and ***"');
  const state = await file('state.json');
  expect(state).toContain('"last": {"value":2.50,"version":5,');
  expect(state).toContain('"new": {"value":{"a":[]},"version":1,');
  expect(await readSummary(runFolder(join(folder, 'run')))).toMatchObject({ readHidden: true, errors: 0 });
});

test('a run that is given up keeps only the checkpoints that were permanent at once', async () => {
  const config: RunConfig = {
    connector: { type: 'datasource' },
    outputs: { output: 'out.ndjson' },
    'state-file': 'state.json',
  };
  const { url, end } = await startStandAlone(folder, config);
  await post(`${url}/state/kept?commit=now`, '{"value":1}', 'PUT');
  await post(`${url}/state/dropped`, '{"value":1}', 'PUT');
  await post(`${url}/output/output`, { data: [{ id: 1 }] });
  const { code, said } = await end('SIGINT');
  expect([code, said.state]).toEqual([0, 'cancelled']);
  expect(Object.keys(JSON.parse(await file('state.json')))).toEqual(['kept']);
  expect(await file('out.ndjson')).toBe('{"id":"1"}\n');
});

test('a run whose write was refused has failed', async () => {
  const config: RunConfig = { connector: { type: 'datasource' }, limits: { 'body-mib': 1 } };
  const { url, end } = await startStandAlone(folder, config);
  const answer = await post(`${url}/output/output`, { data: [{ id: 'x'.repeat(1024 ** 2) }] });
  expect(answer.status).toBe(413);
  const { code, said } = await end('SIGTERM');
  expect([code, said]).toEqual([
    1,
    expect.objectContaining({ state: 'failed', 'output-refused-status': 413 }),
  ]);
});

test('killed and started again it goes on: same ids, same rows, cursor and checkpoints', async () => {
  await writeFile(join(folder, 'in.csv'), 'id\n1\n2\n3\n');
  const config: RunConfig = {
    connector: { type: 'data-service' },
    inputs: { input: { file: 'in.csv' } },
    outputs: { output: 'out.ndjson' },
    'state-file': 'state.json',
  };
  const first = await startStandAlone(folder, config);
  const { data: metadata } = await json(`${first.url}/metadata`);
  await (await fetch(`${first.url}/input/input/next`)).text();
  await (await fetch(`${first.url}/input/input/next`)).text();
  await post(`${first.url}/state/a`, '{"value":1}', 'PUT');
  await post(`${first.url}/output/output`, { data: [{ id: 1 }] });
  await first.end('SIGKILL');
  const second = await startStandAlone(folder, config);
  expect((await json(`${second.url}/metadata`)).data).toEqual(metadata);
  const { data: row } = await json(`${second.url}/input/input/next`);
  // A row may come again, none is skipped.
  expect(['2', '3']).toContain(row.id);
  expect((await json(`${second.url}/state/a`)).data.version).toBe(1);
  await post(`${second.url}/output/output`, { data: [{ id: 2 }] });
  await second.end('SIGTERM');
  expect(await file('out.ndjson')).toBe('{"id":"1"}\n{"id":"2"}\n');
  expect(await complaint(config)).toBe(
    'run-folder: …/run holds a run that has ended. Remove it, or name another folder.\n',
  );
});

test('files go to and come from folders elsewhere', async () => {
  for (const name of ['shared', 'bucket']) await mkdir(join(folder, name));
  await writeFile(join(folder, 'shared/report.txt'), 'report');
  await writeFile(join(folder, 'bucket/known.txt'), 'known');
  await writeFile(join(folder, 'outside.txt'), 'secret');
  await symlink('../outside.txt', join(folder, 'shared/link.txt'));
  const config: RunConfig = {
    connector: { type: 'upload' },
    'exchange-folder': 'shared',
    'bucket-folder': 'bucket',
    'transport-folder': 'transport',
  };
  const { url, exchange, end } = await startStandAlone(folder, config);
  expect(exchange).toBe(join(folder, 'shared'));
  const upload = (source: string) =>
    post(`${url}/buckets/exchange/upload/copy.txt`, { source_file: source }, 'PUT');
  expect((await upload('link.txt')).status).toBe(400);
  expect((await upload(`${exchange}/report.txt`)).status).toBe(202);
  expect((await fetch(`${url}/buckets/exchange/download/known.txt`)).status).toBe(202);
  await post(`${url}/store/to-transport`, { source_file: 'report.txt', remote_file: 'a/b.txt' });
  const { said } = await end('SIGTERM');
  expect(said.state).toBe('finished');
  expect(await file('bucket/copy.txt')).toBe('report');
  expect(await file('shared/known.txt')).toBe('known');
  expect(await file('transport/a/b.txt')).toBe('report');
});

test('lines of whoever started it share the numbers and the masking of the log', async () => {
  const config: RunConfig = {
    connector: { type: 'datasource' },
    secrets: { environment: ['TOKEN'] },
    'log-lines-from-stdin': true,
  };
  const environment = { TOKEN: 'swordfish' };
  const { url, child, end } = await startStandAlone(folder, config, { environment, stdin: 'pipe' });
  await post(`${url}/logs/info`, { message: 'one' });
  child.stdin!.end(
    '{"level":"error","source":"stderr","message":"a swordfish","context":{"a":1}}\nno entry\n{"level":"x"}\n',
  );
  await end('SIGTERM');
  const { entries } = await readLog(runFolder(join(folder, 'run')).log);
  expect(entries.map(({ number, level, source, message }) => [number, level, source, message])).toEqual([
    [1, 'info', 'application', 'one'],
    [2, 'error', 'stderr', 'a ***'],
    [3, 'info', 'engine', 'no entry'],
    [4, 'info', 'engine', '{"level":"x"}'],
  ]);
  expect(entries[1]!.context).toEqual({ a: 1 });
});

test('an address in use is told', async () => {
  const first = await startStandAlone(folder, { connector: { type: 'datasource' } });
  const config = { connector: { type: 'datasource' }, 'run-folder': 'other', listen: { port: first.port } };
  const error = await startStandAlone(folder, config).catch((thrown: unknown) => thrown);
  expect((error as NotStartedError).code).toBe(1);
  expect((error as NotStartedError).complaints).toBe(
    `The Container API could not be started: the address 127.0.0.1:${first.port} is in use.\n`,
  );
});
