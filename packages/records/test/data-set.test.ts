import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import {
  BlockKeeper,
  DuckDb,
  describeDataSet,
  describeOutput,
  InputStream,
  loadDataSet,
  OutputStream,
  type RowSelection,
  readDataSet,
  readDataSetValues,
  streamDataSet,
  UnknownColumnError,
  writeInputStream,
} from '../src/index.ts';
import { columnsOf } from './reference-merge.ts';
import { storeDataSet } from './stored-rows.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { writeRows } from './write-rows.ts';

const duckdb = new DuckDb({ memoryMb: 256, threads: 2, temporaryFolder: '/tmp/slipway-records-duckdb' });
afterAll(() => duckdb.close());

async function load(...calls: (readonly unknown[] | string)[]): Promise<string> {
  const folder = await temporaryFolder();
  const stream = await OutputStream.open(join(folder, 'output'));
  for (const rows of calls) await writeRows(stream, rows);
  await stream.dispose();
  const path = join(folder, 'data.parquet');
  await loadDataSet(duckdb, await describeOutput(join(folder, 'output')), path);
  expect(await readdir(folder)).not.toContain('data.parquet.new');
  return path;
}

const ALL = { offset: 0, limit: 1000 };
const rowsOf = async (path: string, selection: RowSelection, page = ALL) =>
  (await readDataSet(duckdb, path, selection, page)).rows;

test('keeps order of rows and columns, names of every kind and every character', async () => {
  const row = {
    b: 'x',
    "it's": '1',
    'Na"me': 'ü',
    name: 'a\u0000b',
    Name: '\n',
    NAME: 'N',
    'ta\u0000b': 'nul',
    __h: 'hidden',
  };
  const path = await load([row, { late: 1 }], '[{"2":"z","b":"y"}]');
  const page = await readDataSet(duckdb, path, { showHidden: true }, ALL);
  expect(page.columns).toEqual([
    'b',
    "it's",
    'Na"me',
    'name',
    'Name',
    'NAME',
    'ta\u0000b',
    '__h',
    'late',
    '2',
  ]);
  expect(page.total).toBe(3);
  expect(JSON.parse(page.rows[0]!)).toEqual({ ...row, late: '', 2: '' });
  expect(page.rows[2]).toBe(
    '{"b":"y","it\'s":"","Na\\"me":"","name":"","Name":"","NAME":"","ta\\u0000b":"","__h":"","late":"","2":"z"}',
  );
  expect(JSON.parse((await rowsOf(path, {}))[1]!)).not.toHaveProperty('__h');
});

test('names that differ keep to the quick way with the same result', async () => {
  const path = await load('[{"b":"x","10":"y","2":"z"},{}]');
  expect(await rowsOf(path, {})).toEqual(['{"b":"x","10":"y","2":"z"}', '{"b":"","10":"","2":""}']);
  expect(await rowsOf(path, { columns: ['2', 'b'] })).toEqual(['{"2":"z","b":"x"}', '{"2":"","b":""}']);
});

const PRICES = ['10', '9', 'abc', '', '1e1', '-3', 'Abc', '9.50', '١', '100'].map((price, id) => ({
  id,
  price,
}));
const idsOf = async (path: string, selection: RowSelection) =>
  (await rowsOf(path, selection)).map((line) => (JSON.parse(line) as { id: string }).id).join(' ');

test('filters by each operator; all must hold', async () => {
  const path = await load(PRICES);
  const by = (operator: string, value?: string) =>
    idsOf(path, { filter: [{ column: 'price', operator, value } as never] });
  expect(await by('equals', '9')).toBe('1');
  expect(await by('not-equals', '9')).toBe('0 2 3 4 5 6 7 8 9');
  expect(await by('contains', 'bc')).toBe('2 6');
  expect(await by('begins-with', '9')).toBe('1 7');
  expect(await by('empty')).toBe('3');
  expect(await by('not-empty')).toBe('0 1 2 4 5 6 7 8 9');
  // As numbers where both are numbers, as text (code points) otherwise.
  expect(await by('greater', '9.5')).toBe('0 2 4 6 8 9');
  expect(await by('less', '9.5')).toBe('1 3 5');
  expect(await by('greater', 'Abc')).toBe('2 8');
  const both = [
    { column: 'price', operator: 'not-empty' },
    { column: 'id', operator: 'less', value: '3' },
  ] as const;
  expect(await idsOf(path, { filter: both })).toBe('0 1 2');
});

test('values of filters are never SQL', async () => {
  const path = await load([
    { id: 1, a: "x' OR 1=1 --" },
    { id: 2, a: '%' },
  ]);
  expect(await idsOf(path, { filter: [{ column: 'a', operator: 'equals', value: "x' OR 1=1 --" }] })).toBe(
    '1',
  );
  expect(await idsOf(path, { filter: [{ column: 'a', operator: 'contains', value: '%' }] })).toBe('2');
  await expect(rowsOf(path, { sort: [{ column: 'c0; DROP' }] })).rejects.toThrow(UnknownColumnError);
});

test('sorts numbers before text and text by code point, by up to three columns', async () => {
  const path = await load(PRICES);
  expect(await idsOf(path, { sort: [{ column: 'price' }] })).toBe('5 1 7 0 4 9 3 6 2 8');
  expect(await idsOf(path, { sort: [{ column: 'price', descending: true }] })).toBe('8 2 6 3 9 4 0 7 1 5');
  const groups = await load([1, 2, 3, 4].map((id) => ({ id, g: id % 2, h: 'same' })));
  expect(
    await idsOf(groups, {
      sort: [{ column: 'h' }, { column: 'g', descending: true }, { column: 'id', descending: true }],
    }),
  ).toBe('3 1 4 2');
  const four = ['id', 'g', 'h', 'id'].map((column) => ({ column }));
  await expect(rowsOf(groups, { sort: four })).rejects.toThrow(RangeError);
});

test('pages with the total, and streams everything', async () => {
  const path = await load(Array.from({ length: 5000 }, (_, id) => ({ id, odd: id % 2 })));
  const page = await readDataSet(
    duckdb,
    path,
    { filter: [{ column: 'odd', operator: 'equals', value: '1' }] },
    { offset: 1000, limit: 2 },
  );
  expect([page.total, page.rows]).toEqual([2500, ['{"id":"2001","odd":"1"}', '{"id":"2003","odd":"1"}']]);
  expect(await rowsOf(path, {}, { offset: 4998, limit: 50 })).toEqual([
    '{"id":"4998","odd":"0"}',
    '{"id":"4999","odd":"1"}',
  ]);
  let text = '';
  for await (const part of streamDataSet(duckdb, path, {})) text += part.toString('utf8');
  expect(text.split('\n')).toHaveLength(5001);
  expect(text.startsWith('{"id":"0","odd":"0"}\n{"id":"1"')).toBe(true);
  expect(await describeDataSet(duckdb, path)).toEqual({ columns: ['id', 'odd'], rows: 5000 });
});

test('an output without rows is a data set without rows', async () => {
  const path = await load();
  expect(await readDataSet(duckdb, path, {}, ALL)).toEqual({
    columns: [],
    allColumns: [],
    rows: [],
    total: 0,
  });
  const bare = await load([{}, {}]);
  expect((await readDataSet(duckdb, bare, {}, ALL)).rows).toEqual(['{}', '{}']);
});

test('a data set becomes an input stream', async () => {
  const path = await load([
    { id: 1, __h: 'x' },
    { id: 2, n: 'ü' },
  ]);
  const folder = await temporaryFolder();
  const { columns } = await describeDataSet(duckdb, path);
  await writeInputStream(join(folder, 'input'), columns, readDataSetValues(duckdb, path));
  const stream = await InputStream.open(join(folder, 'input'), join(folder, 'cursors'), new BlockKeeper());
  expect(String(await (await stream.next(9, false))?.text())).toBe('{"id":"1","n":""}\n{"id":"2","n":"ü"}\n');
  await stream.close();
});

test('a wide data set is written in passes and reads like any other', { timeout: 60_000 }, async () => {
  const [rows, columns] = [42_000, 220];
  const row = (id: number) =>
    new Map([
      ['id', String(id)],
      ...[0, 1, 2].map((at) => [`c${(id * 7 + at) % columns}`, `v${id}`] as const),
    ]);
  const folder = await temporaryFolder();
  const stored = Array.from({ length: rows }, (_, id) => row(id));
  const { path } = await storeDataSet(duckdb, folder, stored);
  expect((await readdir(folder)).filter((name) => name.includes('.new'))).toEqual([]);
  const found = await describeDataSet(duckdb, path);
  expect(found).toEqual({ columns: columnsOf(stored), rows });
  const page = await readDataSet(duckdb, path, {}, { offset: 41_500, limit: 3 });
  for (const [index, line] of page.rows.entries()) {
    const filled = Object.entries(JSON.parse(line) as object).filter(([, value]) => value !== '');
    expect(new Map(filled)).toEqual(row(41_500 + index));
  }
  let at = 0;
  for await (const values of readDataSetValues(duckdb, path)) {
    const expected = row(at++);
    const wrong = found.columns.findIndex((column, place) => values[place] !== (expected.get(column) ?? ''));
    if (wrong !== -1) expect.fail(`Row ${at - 1}, column ${found.columns[wrong]}: ${values[wrong]}`);
  }
  expect(at).toBe(rows);
  const filter = [{ column: 'c219', operator: 'not-empty' }] as const;
  expect((await readDataSet(duckdb, path, { filter }, ALL)).total).toBe(
    stored.filter((one) => one.has('c219')).length,
  );
});
