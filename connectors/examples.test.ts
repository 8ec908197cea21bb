import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ContainerApi,
  permanentChanges,
  type RunContext,
  readLog,
  runFolder,
  startContainerApi,
} from '@slipway/container-api';
import { writeInputStream } from '@slipway/records';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Ended, runVariables, start } from '../packages/connector-sdk/test/programs.ts';
import { readOutput, temporaryFolder, testContext } from '../packages/container-api/test/test-run.ts';
import { ensureRepository } from '../packages/server/src/demo/repositories.ts';

let folder: string;
let remove: () => Promise<void>;
let api: ContainerApi | undefined;
/** Folder of the run that is under way. */
let runs = 0;
let run: string;

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
});
afterEach(async () => {
  await api?.close();
  api = undefined;
  await remove();
});

/** Prepares a run of a type with rows for its input streams. */
async function prepare(
  type: RunContext['connector']['type'],
  inputs: Record<string, readonly Record<string, string>[]> = {},
  changes: Partial<RunContext> = {},
): Promise<void> {
  await api?.close();
  run = join(folder, `run-${++runs}`);
  await mkdir(runFolder(run).exchange, { recursive: true });
  for (const [stream, rows] of Object.entries(inputs)) {
    const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
    await writeInputStream(
      runFolder(run).input(stream),
      columns,
      (async function* () {
        for (const row of rows) yield columns.map((column) => row[column]);
      })(),
    );
  }
  const connector = { id: 'x', name: 'Example', type };
  api = await startContainerApi(testContext(run, { connector, ...changes }), { host: '127.0.0.1', port: 0 });
}

/** Runs an example as the demo has it: from its own repository, with nothing of this project within reach. */
async function play(
  example: string,
  settings: Readonly<Record<string, string>> = {},
  words: string[] = [],
): Promise<Ended> {
  const repository = await ensureRepository(join(folder, 'repositories'), example);
  const files = await readdir(repository);
  const program = files.includes('main.py')
    ? ['python3', 'main.py']
    : [process.execPath, files.includes('main.ts') ? 'main.ts' : 'main.js'];
  const environment = api ? runVariables(api.url, run) : {};
  return await start([...program, ...words], { ...environment, ...settings }, repository).ended;
}

const rowsOf = async (name: 'output' | 'feedback') => {
  const { columns, rows } = await readOutput(run, name);
  return rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]!])));
};
const messages = async () =>
  (await readLog(runFolder(run).log, 0, 64 * 1024 ** 2)).entries.map(
    ({ level, message }) => `${level}: ${message}`,
  );

const examples = (await readdir(import.meta.dirname, { withFileTypes: true }))
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

test.each(examples)('%s passes its health check from its own repository', async (example) => {
  expect(await play(example, {}, ['--health'])).toEqual({ code: 0, stdout: 'ready\n', stderr: '' });
  const repository = join(folder, 'repositories', example);
  expect(await readFile(join(repository, 'Dockerfile'), 'utf8')).toMatch(
    /^FROM (?:node:24|python:3\.11)-slim\n[\s\S]*\nCMD \[/,
  );
  expect(await readFile(join(repository, 'README.md'), 'utf8')).toMatch(/^# /);
});

test.each([
  ['catalogue-typescript', { CATEGORY: 'Garden' }],
  ['catalogue-python', { ROW_LIMIT: '250' }],
] as const)('%s writes its products', async (example, setting) => {
  await prepare('datasource');
  expect(await play(example)).toMatchObject({ code: 0, stderr: '' });
  const all = await rowsOf('output');
  expect(all).toHaveLength(2400);
  expect(all[0]).toMatchObject({ id: expect.stringMatching(/-10001$/), 'price-currency': 'EUR' });
  expect(await messages()).toEqual(['info: Reading the catalogue.', 'success: 2400 products written.']);

  await prepare('datasource');
  await play(example, setting);
  const some = await rowsOf('output');
  const expected =
    'CATEGORY' in setting ? all.filter((row) => row['category-0'] === 'Garden') : all.slice(0, 250);
  expect(some.map(({ id }) => id)).toEqual(expected.map(({ id }) => id));
});

test('the catalogue fails on purpose after 400 products', async () => {
  await prepare('datasource');
  const { code, stderr } = await play('catalogue-typescript', {
    FAIL_ON_PURPOSE: '1',
    SHOP_PASSWORD: 'open sesame',
  });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^Error: Failing on purpose, as the form asked for\.\n {4}at .*main\.ts/);
  expect(await rowsOf('output')).toHaveLength(400);
  expect(await messages()).toContain('error: The shop refused the password open sesame.');
});

test('the one that fails leaves its row, its words and exit code 1', async () => {
  await prepare('datasource');
  const { code, stderr } = await play('fails-on-purpose');
  expect(code).toBe(1);
  expect(stderr).toMatch(/^giving up after three attempts\nError: The shop does not answer\.\n/);
  expect(await rowsOf('output')).toEqual([{ id: '1', title: 'The only row' }]);
  expect(await messages()).toEqual(['error: The shop does not answer.']);
});

test('the data service gives every row a label', async () => {
  const input = [
    { id: '1', brand: 'Millbrook', 'category-1': 'Tableware', 'attributes-colour': 'off-white' },
    { id: '2', brand: 'Ostra', 'category-1': '', 'attributes-colour': 'natural' },
    { id: '3', brand: '', 'category-1': '', 'attributes-colour': '' },
  ];
  await prepare('data-service', { input });
  expect(await play('labels-typescript')).toMatchObject({ code: 0, stderr: '' });
  const labels = ['Millbrook · Tableware · off-white', 'Ostra · natural', ''];
  expect(await rowsOf('output')).toEqual(input.map((row, index) => ({ ...row, text: labels[index] })));
  expect(await messages()).toEqual([
    'warning: 1 rows have nothing to make a label of.',
    'success: 3 rows labelled.',
  ]);

  await prepare('data-service', { input });
  await play('labels-typescript', { LABEL_COLUMNS: 'id,brand', LABEL_LENGTH: '6' });
  expect((await rowsOf('output')).map(({ text }) => text)).toEqual(['1 · Mi', '2 · Os', '3']);
});

test('the export delivers a feed and gives feedback', async () => {
  const input = [
    { id: '1', title: 'Bowl "Everyday"', price: '12.00' },
    { id: '', title: 'No id', price: '1.00' },
    { id: '3', title: 'Pan, 20 cm', price: '49.90' },
  ];
  await prepare('export', { input }, { columnOrder: ['title', 'id'] });
  expect(await play('feed-export-typescript')).toMatchObject({ code: 0, stderr: '' });
  const feed = await readFile(join(runFolder(run).store('transport'), 'feed.csv'), 'utf8');
  expect(feed).toBe('title,id\r\n"Bowl ""Everyday""",1\r\n"Pan, 20 cm",3\r\n');
  expect(await rowsOf('feedback')).toEqual([
    { id: '1', status: 'exported', position: '1' },
    { id: '3', status: 'exported', position: '3' },
  ]);
  const [event] = JSON.parse(await readFile(runFolder(run).events, 'utf8'));
  expect(event).toMatchObject({ code: 'WARNING_NO_ID', context: { number: 2 } });
  expect(JSON.parse(await readFile(runFolder(run).notifications, 'utf8'))).toMatchObject({
    message: '2 items exported.',
  });
});

test('the delta export hands over changes and numbers its files', async () => {
  const delta = {
    new: [{ id: '1', title: 'Größe M' }],
    modified: [{ id: '2', title: 'Rake' }],
    unchanged: [{ id: '4', title: 'Wok' }],
    deleted: [{ id: '3', title: 'Gone' }],
    input: [],
  };
  await prepare('export-delta', delta);
  expect(await play('delta-export-python')).toMatchObject({ code: 0, stderr: '' });
  const transport = runFolder(run).store('transport');
  expect(await readdir(transport)).toEqual(['changes-00001.ndjson']);
  const lines = (await readFile(join(transport, 'changes-00001.ndjson'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { operation: 'create', item: { id: '1', title: 'Größe M' } },
    { operation: 'update', item: { id: '2', title: 'Rake' } },
    { operation: 'delete', item: { id: '3' } },
  ]);
  expect((await rowsOf('feedback')).map(({ id, operation }) => [id, operation])).toEqual([
    ['1', 'create'],
    ['2', 'update'],
    ['3', 'delete'],
  ]);
  const changes = await Array.fromAsync(permanentChanges(runFolder(run), true, 1));
  expect(changes.map(({ key, text }) => [key, text])).toEqual([['file-number', '1']]);

  await prepare('export-delta', {
    new: [],
    modified: [],
    unchanged: delta.unchanged,
    deleted: [],
    input: [],
  });
  await play('delta-export-python');
  expect((await messages()).at(-1)).toBe('info: Nothing has changed.');
});

test('what the download leaves in the exchange folder, the transform makes rows of', async () => {
  await prepare('download');
  expect(await play('supplier-download-typescript')).toMatchObject({ code: 0, stderr: '' });
  const files = runFolder(run).exchange;
  expect(await readdir(files)).toEqual(['supplier.csv']);
  const list = await readFile(join(files, 'supplier.csv'));

  await prepare('transform');
  await writeFile(join(runFolder(run).exchange, 'supplier.csv'), list);
  expect(await play('supplier-transform-python')).toMatchObject({ code: 0, stderr: '' });
  const rows = await rowsOf('output');
  expect(rows).toHaveLength(5);
  expect(rows[1]).toEqual({
    id: 'KI-10002',
    title: 'Bowl "Everyday"',
    price: '12.00',
    availability: 'out of stock',
  });

  await rm(join(runFolder(run).exchange, 'supplier.csv'));
  const { code, stderr } = await play('supplier-transform-python');
  expect(code).toBe(1);
  expect(stderr).toContain('FileNotFoundError: There is no supplier.csv: the download has to succeed first.');
});

test('a download that the supplier refuses says so', async () => {
  await prepare('download');
  const { code, stderr } = await play('supplier-download-typescript', {
    FILE_URL: `${api!.url}/nothing-here`,
  });
  expect(code).toBe(1);
  expect(stderr).toContain('Error: The supplier answered 404');
});
