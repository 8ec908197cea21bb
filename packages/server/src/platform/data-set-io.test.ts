import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allRows, appendSources, countMatching, readRows } from './data-set-io.ts';
import { type Condition, filterOperators, type SortColumn } from './view-query.ts';

let folder: string;
let files = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-sets-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Row = Record<string, string>;

async function store(rows: readonly Row[]): Promise<string> {
  const path = join(folder, `${++files}.ndjson`);
  await writeFile(path, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  return path;
}

const columnsOf = (rows: readonly Row[]): string[] => [...new Set(rows.flatMap((row) => Object.keys(row)))];

async function dataSet(rows: readonly Row[]): Promise<{ path: string; columns: string[] }> {
  const path = join(folder, `${++files}.parquet`);
  const source = { files: [await store(rows)], columns: columnsOf(rows), prefix: '', key: null };
  const { columns } = await appendSources([source], path);
  return { path, columns };
}

/** The rules of the data view, written down a second time. */
const asNumber = (text: string): number | null =>
  /^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$/.test(text) ? Number(text) : null;
const byCodePoint = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b));
function compare(a: string, b: string): number {
  const [x, y] = [asNumber(a), asNumber(b)];
  if (x !== null && y !== null) return x - y || byCodePoint(a, b);
  if (x !== null || y !== null) return x === null ? 1 : -1;
  return byCodePoint(a, b);
}
function passes(row: Row, { column, operator, value }: Condition): boolean {
  const cell = row[column] ?? '';
  const [x, y] = [asNumber(cell), asNumber(value)];
  const order = x !== null && y !== null ? x - y : byCodePoint(cell, value);
  const results = {
    equals: order === 0,
    'not-equals': order !== 0,
    greater: order > 0,
    less: order < 0,
    contains: cell.includes(value),
    'begins-with': cell.startsWith(value),
    empty: cell === '',
    'not-empty': cell !== '',
  };
  return results[operator];
}
function reference(rows: readonly Row[], filter: readonly Condition[], sort: readonly SortColumn[]): Row[] {
  const kept = rows.filter((row) => filter.every((condition) => passes(row, condition)));
  return kept.toSorted((a, b) => {
    for (const { column, descending } of sort) {
      const order = compare(a[column] ?? '', b[column] ?? '');
      if (order !== 0) return descending ? -order : order;
    }
    return 0;
  });
}

const cell = fc.constantFrom(
  '',
  '1',
  '2',
  '10',
  '1.0',
  '-3',
  '1e2',
  ' 1',
  'a',
  'B',
  'b',
  "o'c",
  '%',
  'ä',
  '日本',
  '😀',
  '"',
  'x,y',
  '\n',
);
const column = fc.constantFrom('id', 'ID', 'a b', '10', 'na"me', "it's", '/~');
const row = fc.dictionary(column, cell, { maxKeys: 5 });
const condition = fc.record({ column, operator: fc.constantFrom(...filterOperators), value: cell });
const sort = fc.uniqueArray(fc.record({ column, descending: fc.boolean() }), {
  maxLength: 3,
  selector: (entry) => entry.column,
});

test('filters and sorts agree with a plain reference', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(row, { minLength: 1, maxLength: 30 }),
      fc.array(condition, { maxLength: 2 }),
      sort,
      fc.nat(5),
      async (rows, filter, sorting, from) => {
        const { path, columns } = await dataSet(rows);
        const query = { all: columns, columns, filter, sort: sorting };
        const read: string[][] = [];
        for await (const block of readRows(path, query, { from, limit: 10 })) read.push(...block);
        const expected = reference(rows, filter, sorting);
        const wanted = expected.slice(from, from + 10).map((one) => columns.map((name) => one[name] ?? ''));
        if (columns.length > 0) expect(read).toEqual(wanted);
        expect(await countMatching(path, query)).toBe(expected.length);
      },
    ),
    { numRuns: 60 },
  );
}, 120_000);

test('sources append in their order; columns are the union, prefixed but for the key', async () => {
  const first = await store([{ id: '1', title: 'Cup' }, { id: '2' }]);
  const second = await store([{ price: '5', id: '2' }]);
  const path = join(folder, 'merged.parquet');
  const result = await appendSources(
    [
      { files: [first], columns: ['id', 'title'], prefix: '', key: 'id' },
      { files: [second], columns: ['price', 'id'], prefix: 'erp_', key: 'id' },
    ],
    path,
  );
  expect(result).toEqual({ rows: 3, columns: ['id', 'title', 'erp_price'] });
  expect(await Array.fromAsync(allRows(path, result.columns))).toEqual([
    ['1', 'Cup', ''],
    ['2', '', ''],
    ['2', '', '5'],
  ]);
});

test('no source, or none with rows, gives an empty data set', async () => {
  const path = join(folder, 'empty.parquet');
  expect(await appendSources([], path)).toEqual({ rows: 0, columns: [] });
  const source = { files: [], columns: [], prefix: '', key: null };
  expect(await appendSources([source], path)).toEqual({ rows: 0, columns: [] });
  expect(await Array.fromAsync(allRows(path, []))).toEqual([]);
});

test('fifty thousand rows keep their order', async () => {
  const rows = Array.from({ length: 50_000 }, (_, index) => ({ id: String(index) }));
  const { path, columns } = await dataSet(rows);
  const read = await Array.fromAsync(allRows(path, columns));
  expect(read.length).toBe(50_000);
  expect(read.every(([id], index) => id === String(index))).toBe(true);
});
