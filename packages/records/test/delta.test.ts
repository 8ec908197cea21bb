import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import {
  BlockKeeper,
  DELTA_STREAMS,
  type DeltaRule,
  type DeltaStream,
  DuckDb,
  InputStream,
  writeDelta,
} from '../src/index.ts';
import { columnsOf, type Row } from './reference-merge.ts';
import { storeDataSet } from './stored-rows.ts';
import { temporaryFolder } from './temporary-folder.ts';

const duckdb = new DuckDb({ memoryMb: 256, threads: 2, temporaryFolder: '/tmp/slipway-records-duckdb' });
afterAll(() => duckdb.close());

const rowsOf = (...rows: Record<string, string>[]): Row[] => rows.map((row) => new Map(Object.entries(row)));

/** Compares, and reads the streams back as the Container API serves them. */
async function delta(
  presentRows: readonly Row[],
  baselineRows: readonly Row[] | null,
  rule: DeltaRule,
  wanted: readonly DeltaStream[] = DELTA_STREAMS,
) {
  const folder = await temporaryFolder();
  const present = await storeDataSet(duckdb, folder, presentRows);
  const baseline = baselineRows && (await storeDataSet(duckdb, folder, baselineRows));
  const input = join(folder, 'input');
  const streams = Object.fromEntries(wanted.map((stream) => [stream, join(input, stream)]));
  const counts = await writeDelta(duckdb, { present, baseline }, rule, streams, join(folder, 'work'));
  expect(await readdir(folder)).not.toContain('work');
  const rows: Partial<Record<DeltaStream, string[]>> = {};
  for (const stream of wanted) rows[stream] = await served(join(input, stream), join(folder, 'cursors'));
  return { counts, rows };
}

/** All rows of an input stream, hidden columns among them. */
async function served(path: string, cursors: string): Promise<string[]> {
  const stream = await InputStream.open(path, cursors, new BlockKeeper());
  const lines: string[] = [];
  for (let next = await stream.next(3, true); next; next = await stream.next(3, true)) {
    lines.push(...(await next.text()).toString('utf8').split('\n').slice(0, -1));
    next.acknowledge();
  }
  expect(lines).toHaveLength(stream.count);
  await stream.close();
  return lines;
}

const text = (row: Row, columns: readonly string[]): string =>
  `{${columns.map((column) => `${JSON.stringify(column)}:${JSON.stringify(row.get(column) ?? '')}`).join()}}`;

test('new, modified, unchanged and deleted rows; repeated and missing keys are skipped', async () => {
  const baseline = rowsOf({ k: 'a', v: '1' }, { k: 'b', v: '2' }, { k: 'c', v: '3' });
  const present = rowsOf(
    { k: 'a', v: '1' },
    { k: 'b', v: '9' },
    { k: 'd', v: '4' },
    { k: 'd', v: '5' },
    { v: '6' },
  );
  const { counts, rows } = await delta(present, baseline, { key: 'k' });
  expect(counts).toEqual({ new: 1, modified: 1, unchanged: 1, deleted: 1, skipped: 2 });
  expect(rows).toEqual({
    new: ['{"k":"d","v":"4"}'],
    modified: ['{"k":"b","v":"9"}'],
    unchanged: ['{"k":"a","v":"1"}'],
    deleted: ['{"k":"c","v":"3"}'],
    input: ['{"k":"a","v":"1"}', '{"k":"b","v":"9"}', '{"k":"d","v":"4"}'],
  });
});

test('without a baseline all rows are new and none is deleted', async () => {
  const { counts, rows } = await delta(rowsOf({ k: 'a', __h: 'x' }), null, { key: 'k' }, ['new', 'deleted']);
  expect(counts).toEqual({ new: 1, modified: 0, unchanged: 0, deleted: 0, skipped: 0 });
  expect(rows).toEqual({ new: ['{"k":"a","__h":"x"}'], deleted: [] });
});

test('values that only look alike when they are put together differ', async () => {
  const one = rowsOf({ k: 'a', x: '1 1', y: '' }, { k: 'b', x: '', y: '1 2' });
  const other = rowsOf({ k: 'a', x: '1', y: '1' }, { k: 'b', x: '1 2', y: '' });
  expect((await delta(one, other, { key: 'k' }, [])).counts).toMatchObject({ modified: 2 });
});

test('a key column that is missing skips all rows', async () => {
  const rows = rowsOf({ v: '1' }, { v: '2' });
  expect((await delta(rows, rows, { key: 'k' })).counts).toEqual({
    new: 0,
    modified: 0,
    unchanged: 0,
    deleted: 0,
    skipped: 2,
  });
  expect((await delta([], rowsOf({ k: '1' }), { key: 'k' })).rows.deleted).toEqual(['{"k":"1"}']);
});

/** What becomes of rows, as product.md 4.7 tells it, word by word. */
function compareSlowly(present: readonly Row[], baseline: readonly Row[], rule: DeltaRule) {
  const { key, ignored = [], tracked = columnsOf(present) } = rule;
  const compared = tracked.filter((column) => column !== key && !ignored.includes(column));
  const first = (rows: readonly Row[]) => {
    const found = new Map<string, Row>();
    for (const row of rows) {
      const id = row.get(key) ?? '';
      if (id !== '' && !found.has(id)) found.set(id, row);
    }
    return found;
  };
  const [now, before] = [first(present), first(baseline)];
  const rows: Record<DeltaStream, string[]> = {
    new: [],
    modified: [],
    unchanged: [],
    deleted: [],
    input: [],
  };
  for (const [id, row] of now) {
    const former = before.get(id);
    const same = former && compared.every((column) => (row.get(column) ?? '') === (former.get(column) ?? ''));
    const line = text(row, columnsOf(present));
    rows[!former ? 'new' : same ? 'unchanged' : 'modified'].push(line);
    rows.input.push(line);
  }
  for (const [id, row] of before) if (!now.has(id)) rows.deleted.push(text(row, columnsOf(baseline)));
  const counts = {
    new: rows.new.length,
    modified: rows.modified.length,
    unchanged: rows.unchanged.length,
    deleted: rows.deleted.length,
    skipped: present.length - now.size,
  };
  return { counts, rows };
}

const column = fc.constantFrom('k', 'K', 'a', 'b', '__h', '7');
const value = fc.constantFrom('', '1', '2', '3', ' 1', 'ä"\\', '\n', 'a\u0000');
const someRows = fc.array(
  fc.array(fc.tuple(column, value), { maxLength: 5 }).map((cells) => new Map([['k', '1'], ...cells])),
  { maxLength: 8 },
);

test('compares like the plain reference, whatever the rows look like', { timeout: 120_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(
      someRows,
      someRows,
      fc.option(fc.uniqueArray(fc.constantFrom('k', 'a', 'b', 'gone')), { nil: undefined }),
      fc.subarray(['a', 'b', '7']),
      async (present, baseline, tracked, ignored) => {
        const rule = { key: 'k', ignored, ...(tracked ? { tracked } : {}) };
        expect(await delta(present, baseline, rule)).toEqual(compareSlowly(present, baseline, rule));
      },
    ),
    { numRuns: 80 },
  );
});

test('streams are in the order of their rows, also when there are many', { timeout: 60_000 }, async () => {
  const many = Array.from({ length: 5000 }, (_, id) => ({
    k: String((id * 7919) % 5000),
    v: String(id % 3),
  }));
  const present = rowsOf(...many);
  const baseline = rowsOf(...many.filter((_, id) => id % 2 === 0).map((row) => ({ ...row, v: '1' })), {
    k: 'x',
  });
  expect(await delta(present, baseline, { key: 'k' })).toEqual(
    compareSlowly(present, baseline, { key: 'k' }),
  );
});

test('one that is cancelled fails with the reason', async () => {
  const folder = await temporaryFolder();
  const present = await storeDataSet(duckdb, folder, rowsOf({ k: 'a' }));
  const signal = AbortSignal.abort(new Error('The process was cancelled.'));
  const streams = { new: join(folder, 'input', 'new') };
  const work = join(folder, 'work');
  await expect(
    writeDelta(duckdb, { present, baseline: null }, { key: 'k' }, streams, work, { signal }),
  ).rejects.toThrow('The process was cancelled.');
  expect(await readdir(folder)).not.toContain('input');
});
