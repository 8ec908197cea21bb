import { access, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { DuckDb, type JoinedSource, type MergeSources, mergeDataSets, type RowSource } from '../src/index.ts';
import { mergeSlowly, type PlainJoined, type PlainMain, type Row } from './reference-merge.ts';
import { readAll, storeDataSet, storeRows } from './stored-rows.ts';
import { temporaryFolder } from './temporary-folder.ts';

const duckdb = new DuckDb({ memoryMb: 256, threads: 2, temporaryFolder: '/tmp/slipway-records-duckdb' });
/** So little memory that values are gathered in several steps. */
const narrow = new DuckDb({
  memoryMb: 256,
  threads: 1,
  temporaryFolder: '/tmp/slipway-records-duckdb-narrow',
});
afterAll(async () => {
  await duckdb.close();
  await narrow.close();
});

const rowsOf = (...rows: Record<string, string>[]): Row[] => rows.map((row) => new Map(Object.entries(row)));

async function merge(
  main: readonly PlainMain[],
  joined: readonly PlainJoined[],
  idColumn: string | null = 'id',
  asDataSets = false,
) {
  const folder = await temporaryFolder();
  const store = (rows: readonly Row[]): Promise<RowSource> =>
    asDataSets ? storeDataSet(duckdb, folder, rows) : storeRows(folder, rows);
  const sources: MergeSources = {
    main: await Promise.all(main.map(async (source) => ({ ...source, rows: await store(source.rows) }))),
    joined: await Promise.all(
      joined.map(async (source): Promise<JoinedSource> => ({ ...source, rows: await store(source.rows) })),
    ),
    idColumn,
  };
  const path = join(folder, 'merged.parquet');
  const merged = await mergeDataSets(duckdb, sources, path);
  expect((await readdir(folder)).filter((name) => name.startsWith('merged'))).toEqual(['merged.parquet']);
  const stored = await readAll(duckdb, path);
  expect(stored.columns).toEqual(merged.columns);
  expect(stored.rows).toHaveLength(merged.rows);
  return { ...stored, main: merged.main, joined: merged.joined };
}

const A = rowsOf({ id: '1', title: 'Cup' }, { id: '2', title: 'Pot' });
const B = rowsOf({ id: '2', price: '5' }, { title: 'Ghost' });
const C = rowsOf(
  { id: '2', price: '7', stock: '3' },
  { id: '2', price: '8', stock: '' },
  { id: '9', stock: '1' },
);
const main = [A, B].map((rows) => ({ rows, prefix: null }));
const none = { repeated: 0, withoutId: 0, unmatched: 0 };

test('main sources append: nothing is merged or dropped, repeated and missing ids are counted', async () => {
  const merged = await merge(main, []);
  expect(merged.columns).toEqual(['id', 'title', 'price']);
  expect(merged.rows).toEqual([
    ['1', 'Cup', ''],
    ['2', 'Pot', ''],
    ['2', '', '5'],
    ['', 'Ghost', ''],
  ]);
  expect(merged.main).toEqual([
    { ...none, rows: 2 },
    { ...none, rows: 2, repeated: 1, withoutId: 1 },
  ]);
});

test.for([
  ['fill', ['7', '3'], ['5', '3']],
  ['overwrite', ['8', '3'], ['8', '3']],
] as const)('an additional source joins by %s', async ([join, pot, second]) => {
  const merged = await merge(main, [{ rows: C, prefix: null, key: 'id', match: 'id', join }]);
  expect(merged.columns).toEqual(['id', 'title', 'price', 'stock']);
  expect(merged.rows).toEqual([
    ['1', 'Cup', '', ''],
    ['2', 'Pot', ...pot],
    ['2', '', ...second],
    ['', 'Ghost', '', ''],
  ]);
  expect(merged.joined).toEqual([{ ...none, rows: 3, unmatched: 1 }]);
});

test('another key is compared exactly, is not copied, and takes no prefix', async () => {
  const erp = rowsOf({ code: 'A-1', cost: '4' }, { code: 'a-1', cost: '9' });
  const source = { rows: erp, prefix: 'erp_', key: 'code', match: 'sku', join: 'fill' } as const;
  const merged = await merge([{ rows: rowsOf({ id: '1', sku: 'A-1' }), prefix: null }], [source]);
  expect(merged).toEqual({
    columns: ['id', 'sku', 'erp_cost'],
    rows: [['1', 'A-1', '4']],
    main: [{ ...none, rows: 1 }],
    joined: [{ ...none, rows: 2, unmatched: 1 }],
  });
});

test('a source applies to what the sources before it made', async () => {
  const skus = {
    rows: rowsOf({ id: '1', sku: 'A-1' }),
    prefix: null,
    key: 'id',
    match: 'id',
    join: 'fill',
  } as const;
  const costs = {
    rows: rowsOf({ sku: 'A-1', cost: '4' }),
    prefix: null,
    key: 'sku',
    match: 'sku',
    join: 'fill',
  } as const;
  const rows = [{ rows: rowsOf({ id: '1' }), prefix: null }];
  expect((await merge(rows, [skus, costs])).rows).toEqual([['1', 'A-1', '4']]);
  expect((await merge(rows, [costs, skus])).rows).toEqual([['1', '', 'A-1']]);
});

test('without an id column, key or match column nothing matches and nothing is counted as repeated', async () => {
  const rows = [{ rows: rowsOf({ a: '1' }, { a: '1' }), prefix: null }];
  const joined = { rows: rowsOf({ a: '1', b: '2' }, { b: '3' }), prefix: null, join: 'fill' } as const;
  for (const [key, match] of [
    [null, null],
    ['a', null],
    [null, 'a'],
    ['gone', 'a'],
    ['a', 'gone'],
  ] as const) {
    const merged = await merge(rows, [{ ...joined, key, match }], null);
    expect(merged.main).toEqual([{ ...none, rows: 2 }]);
    expect(merged.joined).toEqual([{ ...none, rows: 2, unmatched: 2 }]);
    expect(merged.rows.every((row) => row.slice(1).every((value) => value === ''))).toBe(true);
  }
});

test('no rows at all', async () => {
  const empty = { rows: [], prefix: null };
  expect(await merge([], [])).toMatchObject({ columns: [], rows: [] });
  const joined = { rows: C, prefix: null, key: 'id', match: 'id', join: 'fill' } as const;
  expect(await merge([empty], [joined])).toMatchObject({ rows: [], joined: [{ unmatched: 3 }] });
});

/** Few names and values, so that everything meets everything. */
const name = fc.constantFrom('id', 'Id', 'a', 'b', 'x_a', 'sku', '10', 'ta\u0000b');
const value = fc.constantFrom('', '1', '2', '3', ' 1', 'ä', '\n', 'a\u0000', "it's");
const rows = fc.array(
  fc.array(fc.tuple(name, value), { maxLength: 5 }).map((cells) => new Map(cells)),
  { maxLength: 6 },
);
const prefix = fc.constantFrom(null, null, 'x_', 'i');
const mainSource = fc.record({ rows, prefix });
const joinedSource = fc.record({
  rows,
  prefix,
  key: fc.constantFrom('id', 'id', 'a', 'sku', null),
  match: fc.constantFrom('id', 'id', 'sku', 'a', 'b', null),
  join: fc.constantFrom('fill' as const, 'overwrite' as const),
});

test('merges like the plain reference, whatever the sources look like', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(mainSource, { maxLength: 3 }),
      fc.array(joinedSource, { maxLength: 3 }),
      fc.constantFrom('id', 'id', null),
      fc.boolean(),
      async (mains, joined, idColumn, asDataSets) => {
        const expected = mergeSlowly(mains, joined, idColumn);
        expect(await merge(mains, joined, idColumn, asDataSets)).toEqual(expected);
      },
    ),
    { numRuns: 120 },
  );
});

/** Rows `from` to `to` with some columns, most of which are empty. */
const sparse = (from: number, to: number, columns: number): Row[] =>
  Array.from({ length: to - from }, (_, index) => {
    const id = from + index;
    return new Map([
      ['id', String(id)],
      ...Array.from({ length: 5 }, (_value, at) => [`c${(id * 7 + at) % columns}`, `v${id}`] as const),
    ]);
  });

test('keeps order and values when values are gathered in many steps', { timeout: 60_000 }, async () => {
  const folder = await temporaryFolder();
  const mains = [{ rows: sparse(0, 30_000, 60), prefix: null }];
  const joined = [
    {
      rows: sparse(20_000, 50_000, 250).reverse(),
      prefix: 'j',
      key: 'id',
      match: 'id',
      join: 'fill' as const,
    },
  ];
  const stored = {
    main: [{ rows: await storeRows(folder, mains[0]!.rows), prefix: null }],
    joined: [{ ...joined[0]!, rows: await storeRows(folder, joined[0]!.rows) }],
    idColumn: 'id',
  };
  const shares: number[] = [];
  const path = join(folder, 'merged.parquet');
  const { main: _main, joined: counts } = await mergeDataSets(narrow, stored, path, {
    onProgress: (done) => shares.push(done),
  });
  expect(counts).toEqual([{ ...none, rows: 30_000, unmatched: 20_000 }]);
  const expected = mergeSlowly(mains, joined, 'id');
  const found = await readAll(duckdb, path);
  expect(found.columns).toEqual(expected.columns);
  expect(found.rows.findIndex((row, index) => row.join() !== expected.rows[index]!.join())).toBe(-1);
  expect(shares).toEqual([...shares].sort((a, b) => a - b));
  expect(shares.at(-1)).toBe(1);
});

test('one that is cancelled fails with the reason and leaves what was there', async () => {
  const folder = await temporaryFolder();
  const rows = await storeRows(folder, sparse(0, 20_000, 200));
  const sources: MergeSources = {
    main: [{ rows }],
    joined: [{ rows, key: 'id', match: 'id', join: 'overwrite' }],
    idColumn: 'id',
  };
  const path = join(folder, 'merged.parquet');
  await writeFile(path, 'the former one');
  const cancel = new AbortController();
  const cancelled = mergeDataSets(duckdb, sources, path, {
    signal: cancel.signal,
    onProgress: () => cancel.abort(new Error('The process was cancelled.')),
  });
  await expect(cancelled).rejects.toThrow('The process was cancelled.');
  expect((await readdir(folder)).filter((entry) => entry.startsWith('merged'))).toEqual(['merged.parquet']);
  await expect(mergeDataSets(duckdb, sources, path, { signal: cancel.signal })).rejects.toThrow('cancelled');
});

test('one that can not be written leaves nothing half done', async () => {
  const folder = await temporaryFolder();
  const rows = await storeRows(folder, sparse(0, 10, 20));
  // A folder in the place of the file makes the last step fail.
  const path = join(folder, 'merged.parquet');
  await mkdir(join(path, 'in the way'), { recursive: true });
  await expect(
    mergeDataSets(duckdb, { main: [{ rows }], joined: [], idColumn: 'id' }, path),
  ).rejects.toThrow();
  await expect(access(`${path}.new`)).rejects.toThrow('ENOENT');
  await expect(access(`${path}.work`)).rejects.toThrow('ENOENT');
});
