import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ContainerApi,
  type RunContext,
  readLog,
  runFolder,
  startContainerApi,
} from '@slipway/container-api';
import { writeInputStream } from '@slipway/records';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOutput, temporaryFolder, testContext } from '../../container-api/test/test-run.ts';
import { type Language, play, runVariables, startScenario } from './programs.ts';

let folder: string;
let remove: () => Promise<void>;
let api: ContainerApi;

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  await mkdir(runFolder(folder).exchange, { recursive: true });
});
afterEach(async () => {
  await api.close();
  await remove();
});

/** Starts the Container API of a run, with rows for its input streams. */
async function open(
  type: RunContext['connector']['type'],
  changes: Partial<RunContext> = {},
): Promise<Record<string, string>> {
  const connector = { id: 'x', name: 'My connector', type };
  api = await startContainerApi(testContext(folder, { connector, ...changes }), {
    host: '127.0.0.1',
    port: 0,
  });
  return runVariables(api.url, folder);
}

async function input(stream: string, columns: string[], rows: string[][]): Promise<void> {
  await writeInputStream(
    runFolder(folder).input(stream),
    columns,
    (async function* () {
      yield* rows;
    })(),
  );
}

const ids = (from: number, to: number): string[][] =>
  Array.from({ length: to - from + 1 }, (_, index) => [String(from + index)]);
const logged = async () => (await readLog(runFolder(folder).log, 0, 64 * 1024 ** 2)).entries;
const ndjson = async (path: string) => {
  const text = await readFile(path, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
};

describe.each<Language>(['node', 'python'])('in %s', (language) => {
  test('rows arrive flattened, whole and in order, however they are written', async () => {
    expect(await play(language, 'write', await open('datasource'))).toBe(6);
    const { columns, rows } = await readOutput(folder, 'output');
    expect(columns.slice(0, 5)).toEqual(['id', 'price-amount', 'price-currency', 'tags-0', 'tags-1']);
    expect(columns.slice(5)).toEqual(['updated-at', 'none', 'price.amount']);
    expect(rows.map(([id]) => id)).toEqual(['1', '12345678901234567890', 'ä "x"\n', '4', '5', '6', '7']);
    expect(rows[0]!.slice(1, 5)).toEqual(['9.5', 'EUR', 'a', 'b']);
    expect(new Date(rows[1]![5]!).getTime()).toBe(Date.UTC(2026, 4, 11));
    expect(rows[3]![7]).toBe('1');
  });

  test.each([
    ['3', '100000', 4],
    ['100', '20', 5],
    ['100', '1', 10],
    ['100', '100000', 1],
  ])('a batch has at most %s rows and %s bytes', async (rows, bytes, calls) => {
    await play(language, 'batches', await open('datasource'), [`--rows=${rows}`, `--bytes=${bytes}`]);
    expect(api.summary()).toMatchObject({ requests: calls, rowsWritten: { output: 10 } });
  });

  test('a loop that was left is gone on with; hidden columns and classifications come when they are asked for', async () => {
    await input(
      'input',
      ['id', '__hidden'],
      ids(1, 9).map(([id]) => [id!, 'x']),
    );
    await writeInputStream(
      runFolder(folder).classificationInput('input', 111),
      ['id'],
      (async function* () {
        yield ['2'];
        yield ['4'];
      })(),
    );
    const classifications = [{ id: 111, path: 'First category' }];
    const result = await play(language, 'read', await open('export', { classifications }));
    const last = ['2', '3', '4', '5', '6', '7', '8', '9'];
    expect(result).toEqual({
      seen: [
        '1',
        '2',
        '3',
        ['4', '5'],
        ['6', '7'],
        '8',
        '9',
        { id: '1', __hidden: 'x' },
        'class 2',
        'class 4',
        ...last,
      ].flatMap((part) => [part]),
      count: 9,
      inClass: 2,
    });
    expect(api.summary().errors).toBe(0);
  });

  test('the changes of a delta come by kind', async () => {
    await input('new', ['id'], ids(1, 2));
    await input('modified', ['id'], ids(3, 3));
    await input('unchanged', ['id'], ids(4, 4));
    await input('deleted', ['id'], ids(5, 5));
    await input('input', ['id'], ids(1, 4));
    expect(await play(language, 'changes', await open('export-delta'))).toEqual([
      ['new', '1'],
      ['new', '2'],
      ['modified', '3'],
      ['deleted', '5'],
      ['unchanged', '4'],
    ]);
  });

  test('messages arrive in order with their contexts', async () => {
    expect(await play(language, 'messages', await open('datasource'))).toBe(502);
    const entries = await logged();
    expect(entries.map(({ level }) => level)).toEqual(
      'debug info notice warning error critical alert emergency success report info'.split(' '),
    );
    expect(entries[3]).toMatchObject({
      message: 'warning entry',
      context: { level: 'warning' },
      source: 'application',
    });
    expect(entries[10]!.context).toEqual({
      error: { name: 'TypeError', message: 'wrong' },
      big: '18446744073709551616',
    });
    const lines = await ndjson(runFolder(folder).notifications);
    expect(lines.map(({ level, message }) => [level, message])).toEqual(
      ['success', 'info', 'warning', 'error'].map((level) => [level, `${level} line`]),
    );
    const events = (await ndjson(runFolder(folder).events)).flat();
    expect(events).toHaveLength(502);
    expect(events[500]).toMatchObject({
      code: 'WARNING_NO_PRICE',
      'item-id': '500',
      context: { column: 'price' },
    });
    expect(events[501]).toMatchObject({ code: 'INFO_SEEN', 'item-id': null });
  });

  test('checkpoints are saved under conditions', async () => {
    const changed = (method: string) =>
      `StateConflictError: ${method} /state/key answered 412: The state "key" has changed since it was read.`;
    expect(await play(language, 'state', await open('datasource'))).toEqual([
      null,
      1,
      { id: 1 },
      1,
      false,
      2,
      [1, 'two', null],
      changed('PUT'),
      changed('PUT'),
      changed('DELETE'),
      'ApiError: PUT /state/a%2Fb answered 400: Bad request. (key: This value is not valid.)',
      true,
      false,
      null,
    ]);
  });

  test('files go to the bucket, come back and are delivered', async () => {
    await mkdir(join(folder, 'bucket'));
    const environment = await open('export', { bucketFolder: join(folder, 'bucket') });
    expect(await play(language, 'files', environment)).toEqual([
      true,
      'id\n1\n',
      null,
      0,
      [],
      'GET /buckets/exchange/download/kept/feed%20%C3%A9.csv answered 400: Validation failed (remoteFile: File not found.)',
      'DELETE /buckets/delete/kept/feed%20%C3%A9.csv answered 400: Validation failed (remoteFile: File not found.)',
      'PUT /buckets/exchange/upload/none.csv answered 400: Validation failed (sourceFile: File not found.)',
      'POST /store/to-transport answered 400: Validation failed (sourceFile: File not found.; remoteFile: Not a valid file path.)',
      '"a/../../x" lies outside of the exchange folder.',
    ]);
    expect(await readFile(join(runFolder(folder).store('transport'), 'delivered/feed é.csv'), 'utf8')).toBe(
      'id\n1\n',
    );
    expect(await readFile(join(runFolder(folder).store('internal'), 'out/feed é.csv'), 'utf8')).toBe(
      'id\n1\n',
    );
    expect((await logged()).filter(({ message }) => /finished, exit code 0/.test(message))).toHaveLength(2);
  });

  test('a copy that fails says which', async () => {
    await mkdir(runFolder(folder).store('transport'), { recursive: true });
    await writeFile(join(runFolder(folder).store('transport'), 'taken'), 'a file where a folder should be');
    expect(await play(language, 'storageFails', await open('export'))).toBe(
      'StorageError: Storing "big.csv" failed with exit code 1 (process <id>).',
    );
  });

  test.each(['options', 'variables'])('settings come from %s', async (mode) => {
    await input('input', ['id', '__hidden', 'title'], []);
    const classifications = [
      { id: 111, path: 'First category' },
      { id: 222, path: 'Second category' },
    ];
    const environment = await open('export', { classifications, stage: 'export' });
    const options = [
      ['api-url', 'https://shop.example.com/?a=b'],
      ['empty', ''],
      ['should_fail', '1'],
      ['limit', '250'],
      ['kinds', 'a,b c'],
      ['pup-auth-refresh_token', 'token'],
      ['google-io-shopping-key', 'key'],
    ] as const;
    const variable = (name: string) => name.toUpperCase().replaceAll('-', '_');
    const result =
      mode === 'options'
        ? await play(
            language,
            'information',
            environment,
            options.map(([name, value]) => `--${name}=${value}`),
          )
        : await play(language, 'information', {
            ...environment,
            ...Object.fromEntries(options.map(([name, value]) => [variable(name), value])),
          });
    const places = 'It is looked up as the option --shop-password=… and as the variable SHOP_PASSWORD.';
    expect(result).toEqual([
      'https://shop.example.com/?a=b',
      'fallback',
      'fallback',
      'https://shop.example.com/?a=b',
      true,
      false,
      250,
      ['a', 'b c'],
      'token',
      'key',
      `SettingError: The setting "shop-password" has no value. ${places}`,
      'SettingError: The setting "api-url" should be a number.',
      [101, 'dev', null],
      ['Shop DE', 'export', 'c7f6a8de-3a55-4b47-8f5e-1f0a4d8f7a21'],
      ['id', 'title'],
      ['id', '__hidden', 'title'],
      classifications,
      [classifications[1]],
    ]);
  });

  test('what is refused says which row, and makes all later calls fail', async () => {
    const empty = 'This value has an empty column name.';
    const rows = (number: number) =>
      `RowsRefusedError: POST /output/output answered 400: Validation failed (row ${number}: ${empty})`;
    expect(await play(language, 'refused', await open('datasource'))).toEqual([
      rows(4),
      rows(4),
      'TypeError: A function can not be written as JSON.',
      rows(3),
      'ApiError: GET /input/new/stream answered 404: Requested file not provided.',
      'ApiError: POST /logs/info answered 400: Validation failed (message: This value should not be blank.)',
      'ApiError: POST /event-log answered 400: Validation failed (events[0].code: This value is not valid.)',
      'ApiError: POST /output/feedback answered 400: Output is closed.',
    ]);
    expect((await readOutput(folder, 'output')).rows).toEqual([['1'], ['2']]);
  });

  test('rows that are streamed are stored together or not at all', async () => {
    const { code, stderr } = await startScenario(language, 'sourceFails', await open('datasource')).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('Error: The shop does not answer.');
    await api.closeOutputs();
    expect((await readOutput(folder, 'output')).count).toBe(0);
  });

  test.each(['0', '1'])('a row over the limit is refused (streamed: %s)', async (stream) => {
    const environment = await open('datasource', { bodyLimitBytes: 1024 * 1024 });
    expect(
      await play(language, 'tooLarge', environment, ['--characters=3000000', `--stream=${stream}`]),
    ).toBe('ApiError: POST /output/output answered 413: Request body is too large.');
  });

  test('a source may pause for longer than the Container API waits', async () => {
    const connector = { id: 'x', name: 'x', type: 'datasource' } as const;
    const listen = { host: '127.0.0.1', port: 0, requestTimeoutMs: 800 };
    api = await startContainerApi(testContext(folder, { connector }), listen);
    await play(language, 'slowSource', runVariables(api.url, folder));
    expect((await readOutput(folder, 'output')).rows).toEqual([['0'], ['1'], ['2']]);
  });

  test('a failure ends with its stack and exit code 1, and what was written is there', async () => {
    const { code, stderr } = await startScenario(language, 'fails', await open('datasource')).ended;
    expect(code).toBe(1);
    expect(stderr).toContain('Error: The shop does not answer.');
    expect(stderr).toContain('Error: connect ETIMEDOUT');
    expect(stderr).toMatch(language === 'node' ? /at .*scenarios\.mjs/ : /File ".*scenarios\.py"/);
    expect((await readOutput(folder, 'output')).rows).toEqual([['1']]);
    expect((await logged()).map(({ message }) => message)).toEqual(['going down']);
  });

  test('a cancelled connector saves its state and ends with 143', async () => {
    await input('input', ['id'], ids(1, 5000));
    const program = startScenario(language, 'cancelled', await open('data-service'));
    await program.says('under way');
    program.child.kill('SIGTERM');
    expect(await program.ended).toMatchObject({ code: 143, stderr: '' });
    expect((await logged()).map(({ message }) => message)).toEqual(['stopped']);
    const answer = await fetch(`${api.url}/state/stopped`);
    expect(await answer.json()).toMatchObject({ data: { value: true } });
  });

  test('the health check calls nothing', async () => {
    const environment = await open('datasource');
    const { code, stdout } = await startScenario(language, 'fails', environment, ['--health']).ended;
    expect([code, stdout, api.summary().requests]).toEqual([0, 'ready\n', 0]);
  });

  test('an address that nobody listens on, or that is no name, is told', async () => {
    const environment = await open('datasource');
    const failed = (url: string) => play(language, 'unreachable', { ...environment, CONTAINER_API_URL: url });
    const refused =
      language === 'node' ? 'connect ECONNREFUSED 127.0.0.1:9' : '[Errno 111] Connection refused';
    expect(await failed('http://127.0.0.1:9')).toBe(
      `UnreachableError: POST /logs/info was not answered by the Container API at http://127.0.0.1:9 (${refused}, tried n times).`,
    );
    expect(await failed('http://nowhere.invalid')).toMatch(
      /^UnreachableError: POST \/logs\/info was not answered by the Container API at http:\/\/nowhere\.invalid \(.*\)\. Outside of a run, set CONTAINER_API_URL\.$/,
    );
    const secure = await startScenario(language, 'write', { ...environment, CONTAINER_API_URL: 'https://x' })
      .ended;
    expect(secure.code).toBe(1);
    expect(secure.stderr).toContain('The Container API speaks HTTP: "https://x" is no http:// address.');
  });
});
