import { copyFile, cp, readdir, readFile, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  ByteSink,
  ColumnRegister,
  describeOutput,
  OutputClosedError,
  OutputStream,
  RowLinesReader,
  StorageFailure,
  TooManyColumnsError,
  WriteRequestReader,
} from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';
import { writeRows } from './write-rows.ts';

async function content(path: string): Promise<unknown[]> {
  const { files } = await describeOutput(path);
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8')));
  return texts
    .join('')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

test('appends calls in order and remembers columns, rows and that it is closed', async () => {
  const path = join(await temporaryFolder(), 'output');
  const stream = await OutputStream.open(path);
  await writeRows(stream, [{ id: 1, b: 2 }]);
  await writeRows(stream, [
    { id: 2, a: 3 },
    { c: 4, id: 3 },
  ]);
  await stream.close();
  await expect(writeRows(stream, [{ id: 4 }])).rejects.toThrow(OutputClosedError);
  await stream.dispose();
  expect(await describeOutput(path)).toMatchObject({ columns: ['id', 'b', 'a', 'c'], rows: 3 });
  const again = await OutputStream.open(path);
  expect([again.rows, again.closed, again.columns.names]).toEqual([3, true, ['id', 'b', 'a', 'c']]);
  await again.dispose();
});

test('cut at any byte, a file holds whole calls only', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'output');
  const stream = await OutputStream.open(path);
  await writeRows(stream, [{ id: 1, text: 'blank at the end ' }]);
  const afterFirst = stream.end;
  await writeRows(stream, [{ id: 2 }, { id: 3, new: 'x' }]);
  await stream.dispose();
  const full = (await stat(`${path}.1.ndjson`)).size;
  for (let length = 0; length <= full; length++) {
    const torn = join(folder, `torn-${length}`);
    await copyFile(`${path}.1.ndjson`, `${torn}.1.ndjson`);
    await copyFile(`${path}.columns.ndjson`, `${torn}.columns.ndjson`);
    await truncate(`${torn}.1.ndjson`, length);
    const reopened = await OutputStream.open(torn);
    const [rows, columns] =
      length === full ? [3, ['id', 'text', 'new']] : length >= afterFirst ? [1, ['id', 'text']] : [0, []];
    expect([reopened.rows, reopened.columns.names], `cut at ${length}`).toEqual([rows, columns]);
    await writeRows(reopened, [{ later: 1 }]);
    await reopened.dispose();
    expect((await describeOutput(torn)).columns, `cut at ${length}`).toEqual([...columns, 'later']);
  }
});

test('calls at the same time stay whole', async () => {
  const path = join(await temporaryFolder(), 'output');
  const stream = await OutputStream.open(path);
  const big = 'x'.repeat(100_000);
  const calls = Array.from({ length: 60 }, (_, call) =>
    [0, 1, 2].map((row) => ({ call, row, ...(call % 7 === 0 ? { big } : {}), [`c${call}`]: 1 })),
  );
  await Promise.all(calls.map((rows) => writeRows(stream, rows)));
  await stream.dispose();
  const rows = (await content(path)) as { call: string; row: string }[];
  expect(rows.map(({ call, row }) => `${call}.${row}`)).toEqual(
    calls.flat().map(({ call, row }) => `${call}.${row}`),
  );
});

test('a staged call takes its place as a whole', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'output');
  const stream = await OutputStream.open(path);
  await writeRows(stream, [{ id: 'first' }]);
  const sink = new ByteSink(1024);
  const reader = new RowLinesReader({ columns: stream.columns, separator: '-', sink });
  const staged = await stream.stage();
  for (let index = 0; index < 1000; index++) {
    reader.lines(Buffer.from(`{"id":${index},"s":1}\n`));
    if (index % 100 === 0) await staged.spill(sink);
  }
  await writeRows(stream, [{ id: 'meanwhile' }]);
  expect(await readdir(folder)).toContain('output.staged.1.ndjson');
  // What a crash would leave now: the staged rows are not there.
  const copy = await temporaryFolder();
  await cp(folder, copy, { recursive: true });
  const crashed = await OutputStream.open(join(copy, 'output'));
  expect(crashed.rows).toBe(2);
  await crashed.dispose();
  const { flattener } = reader.call;
  const placing = stream.appendStaged(staged, {
    lines: sink,
    rows: flattener.rows,
    newColumns: flattener.newColumns,
  });
  await Promise.all([placing, writeRows(stream, [{ id: 'early' }])]);
  await writeRows(stream, [{ id: 'last' }]);
  await stream.dispose();
  const ids = ((await content(path)) as { id: string }[]).map(({ id }) => id);
  expect(ids.filter((id) => !/^\d/.test(id))).toEqual(['first', 'meanwhile', 'early', 'last']);
  const numbers = ids.filter((id) => /^\d/.test(id));
  expect(numbers).toEqual(Array.from({ length: 1000 }, (_, index) => String(index)));
  expect(ids.indexOf('999') - ids.indexOf('0')).toBe(999);
  const again = await OutputStream.open(path);
  expect([again.rows, again.columns.names]).toEqual([1004, ['id', 's']]);
  await again.dispose();
});

test.each([0, 20])(
  'a power cut that left %i bytes of a long call ends the stream before it',
  async (bytes) => {
    const path = join(await temporaryFolder(), 'output');
    const stream = await OutputStream.open(path);
    await writeRows(stream, [{ id: 'before' }]);
    const sink = new ByteSink(1024);
    const reader = new RowLinesReader({ columns: stream.columns, separator: '-', sink });
    reader.lines(Buffer.from('{"id":1,"s":1}\n{"id":2,"s":1}\n'));
    const staged = await stream.stage();
    await stream.appendStaged(staged, { lines: sink, rows: 2, newColumns: reader.call.flattener.newColumns });
    await writeRows(stream, [{ id: 'after', t: 1 }]);
    await stream.dispose();
    await truncate(`${path}.2.ndjson`, bytes);
    const again = await OutputStream.open(path);
    expect([again.rows, again.columns.names]).toEqual([1, ['id']]);
    await writeRows(again, [{ id: 'anew' }]);
    await again.dispose();
    expect(await content(path)).toEqual([{ id: 'before' }, { id: 'anew' }]);
  },
);

test('refuses more than 20,000 columns without storing anything', async () => {
  const path = join(await temporaryFolder(), 'output');
  const stream = await OutputStream.open(path);
  const wide = (prefix: string, count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index}`, index]));
  // Both are read before either is stored: each alone would fit.
  const rows = [wide('a', 12_000), wide('b', 12_000)].map((row) => {
    const body = Buffer.from(`${JSON.stringify({ data: [row] })}\0`);
    const reader = new WriteRequestReader(body, { columns: new ColumnRegister(), separator: '-' });
    reader.step(Number.POSITIVE_INFINITY);
    return reader.call.flattener;
  });
  const calls = rows.map((one) =>
    stream.append({ lines: one.lines, rows: one.rows, newColumns: one.newColumns }),
  );
  const results = await Promise.allSettled(calls);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  expect((results[1] as PromiseRejectedResult).reason).toBeInstanceOf(TooManyColumnsError);
  await stream.dispose();
  expect(await describeOutput(path)).toMatchObject({ rows: 1 });
});

test.runIf(process.platform === 'linux')('a full disk fails this call and all later ones', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'output');
  const stream = await OutputStream.open(path);
  await writeRows(stream, [{ id: 1 }]);
  await stream.dispose();
  // /dev/full answers every write as a full disk does.
  await rm(`${path}.1.ndjson`);
  await symlink('/dev/full', `${path}.1.ndjson`);
  await writeFile(`${path}.columns.ndjson`, '');
  const full = await OutputStream.open(path);
  await expect(writeRows(full, [{ id: 2 }])).rejects.toThrow(StorageFailure);
  await expect(writeRows(full, [{ id: 3 }])).rejects.toThrow(StorageFailure);
  expect(full.rows).toBe(0);
  await full.dispose();
});
