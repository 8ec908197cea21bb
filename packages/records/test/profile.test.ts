import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { type ColumnProfile, DuckDb, profileDataSet, UnknownColumnError } from '../src/index.ts';
import { columnsOf, type Row } from './reference-merge.ts';
import { storeDataSet } from './stored-rows.ts';
import { temporaryFolder } from './temporary-folder.ts';

const duckdb = new DuckDb({ memoryMb: 256, threads: 2, temporaryFolder: '/tmp/slipway-records-duckdb' });
afterAll(() => duckdb.close());

const rowsOf = (...rows: Record<string, string>[]): Row[] => rows.map((row) => new Map(Object.entries(row)));
const profile = async (rows: readonly Row[], ...more: [object?, object?]) => {
  const { path } = await storeDataSet(duckdb, await temporaryFolder(), rows);
  return await profileDataSet(duckdb, path, { showHidden: true, ...more[0] }, more[1]);
};

test('tells of each column what its values look like', async () => {
  const prices = ['10', '9', 'abc', '', '1e1', '-3', '', 'Zebra', '9'];
  const rows = rowsOf(...prices.map((price, id) => ({ id: String(id), price, __h: '' })));
  expect(await profile(rows)).toEqual([
    {
      column: 'id',
      filled: 9,
      empty: 0,
      distinct: 9,
      distinctEstimated: false,
      shortest: '0',
      longest: '0',
      least: '0',
      greatest: '8',
      frequent: [0, 1, 2, 3, 4, 5, 6, 7, 8].map((id) => ({ value: String(id), count: 1 })),
    },
    {
      column: 'price',
      filled: 7,
      empty: 2,
      distinct: 6,
      distinctEstimated: false,
      shortest: '9',
      longest: 'Zebra',
      least: '-3',
      greatest: 'abc',
      frequent: [
        { value: '9', count: 2 },
        ...['-3', '10', '1e1', 'Zebra', 'abc'].map((value) => ({ value, count: 1 })),
      ],
    },
    {
      column: '__h',
      filled: 0,
      empty: 9,
      distinct: 0,
      distinctEstimated: false,
      shortest: null,
      longest: null,
      least: null,
      greatest: null,
      frequent: [],
    },
  ]);
});

test('looks at the rows that a filter lets through and at the columns that are asked for', async () => {
  const rows = rowsOf({ a: '1', b: 'x' }, { a: '2', b: 'y' }, { a: '3', b: 'y' });
  const filter = [{ column: 'b', operator: 'equals', value: 'y' }];
  expect(await profile(rows, { filter, columns: ['a'] })).toMatchObject([
    { column: 'a', filled: 2, least: '2', greatest: '3' },
  ]);
  await expect(profile(rows, { columns: ['c'] })).rejects.toThrow(UnknownColumnError);
  expect(await profile([])).toEqual([]);
});

test('counts up to 100,000 different values and estimates more', { timeout: 60_000 }, async () => {
  const rows = rowsOf(
    ...Array.from({ length: 100_001 }, (_, id) => ({ a: String(id), b: String(id % 100_000) })),
  );
  const [a, b] = (await profile(rows)) as [ColumnProfile, ColumnProfile];
  expect([b.distinct, b.distinctEstimated]).toEqual([100_000, false]);
  expect(a.distinctEstimated).toBe(true);
  expect(Math.abs(a.distinct - 100_001) / 100_001).toBeLessThan(0.1);
  expect(b.frequent[0]).toEqual({ value: '0', count: 2 });
});

/** By code point, as UTF-8 sorts. */
const byCodePoint = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

function profileSlowly(rows: readonly Row[]): ColumnProfile[] {
  return columnsOf(rows).map((column) => {
    const filled = rows.map((row) => row.get(column) ?? '').filter((value) => value !== '');
    const counts = new Map<string, number>();
    for (const value of filled) counts.set(value, (counts.get(value) ?? 0) + 1);
    const distinct = [...counts.keys()].sort(byCodePoint);
    const size = (value: string) => [...value].length;
    const isNumber = (value: string) => /^[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?$/.test(value);
    const numbers = distinct.filter(isNumber);
    const texts = distinct.filter((value) => !isNumber(value));
    const extreme = Math.max(...numbers.map(Number));
    return {
      column,
      filled: filled.length,
      empty: rows.length - filled.length,
      distinct: distinct.length,
      distinctEstimated: false,
      shortest: [...distinct].sort((a, b) => size(a) - size(b))[0] ?? null,
      longest: [...distinct].sort((a, b) => size(b) - size(a))[0] ?? null,
      least: [...numbers].sort((a, b) => Number(a) - Number(b))[0] ?? texts[0] ?? null,
      greatest: texts.at(-1) ?? numbers.findLast((value) => Number(value) === extreme) ?? null,
      frequent: [...counts]
        .sort(([a, one], [b, other]) => other - one || byCodePoint(a, b))
        .slice(0, 10)
        .map(([value, count]) => ({ value, count })),
    };
  });
}

const value = fc.oneof(
  fc.constantFrom('', '1', '01', '1.0', '-2', '1e2', 'a', 'ä', '😀', '\uffff', 'a\u0000', ' 1'),
  fc.nat({ max: 30 }).map(String),
);
const someRows = fc.array(
  fc.array(fc.tuple(fc.constantFrom('a', 'A', 'b', '__c'), value)).map((cells) => new Map(cells)),
  { maxLength: 40 },
);

test('profiles like the plain reference', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(someRows, async (rows) => {
      expect(await profile(rows)).toEqual(profileSlowly(rows));
    }),
    { numRuns: 100 },
  );
});

test('wide data sets are profiled in passes, and can be cancelled', { timeout: 60_000 }, async () => {
  const rows: Row[] = Array.from(
    { length: 3000 },
    (_, id) =>
      new Map(Array.from({ length: 4 }, (_value, at) => [`c${(id * 3 + at) % 450}`, String(id % 7)])),
  );
  const shares: number[] = [];
  const onProgress = (done: number): void => void shares.push(done);
  expect(await profile(rows, {}, { onProgress })).toEqual(profileSlowly(rows));
  expect(shares.length).toBeGreaterThan(3);
  expect(shares.at(-1)).toBe(1);
  const cancel = new AbortController();
  const cancelled = profile(
    rows,
    {},
    { signal: cancel.signal, onProgress: () => cancel.abort(new Error('Enough.')) },
  );
  await expect(cancelled).rejects.toThrow('Enough.');
});
