import { randomBytes } from 'node:crypto';
import { access, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type DataSet,
  DELTA_STREAMS,
  DuckDb,
  loadDataSet,
  mergeDataSets,
  type OutputDescription,
  writeDelta,
} from '../src/index.ts';
import type { Row } from './reference-merge.ts';
import { smallDisk } from './small-disk.ts';
import { readAll, storeDataSet, storeRows } from './stored-rows.ts';
import { temporaryFolder } from './temporary-folder.ts';

/**
 * A disk that fills up under a data set that is being written: the error says so, nothing half done stays, what was there
 * before is as it was, and the same works when there is space.
 */

let duckdb: DuckDb;
beforeAll(() => {
  duckdb = new DuckDb({ memoryMb: 256, threads: 2, temporaryFolder: '/tmp/slipway-records-duckdb' });
});
afterAll(() => duckdb.close());

/** Rows that no compression makes small. */
const bulky = (count: number, from = 0): Row[] =>
  Array.from(
    { length: count },
    (_row, index) =>
      new Map([
        ['id', String(from + index)],
        ['text', randomBytes(1000).toString('base64')],
      ]),
  );

const FULL = /No space left on device|ENOSPC/;
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

async function given(): Promise<{
  folder: string;
  output: OutputDescription;
  present: DataSet;
  baseline: DataSet;
}> {
  const folder = await temporaryFolder();
  const rows = bulky(2000);
  const output = await storeRows(folder, rows);
  const present = await storeDataSet(duckdb, folder, rows);
  const baseline = await storeDataSet(duckdb, folder, bulky(2000, 1000));
  return { folder, output, present, baseline };
}

test('loading and merging leave the data set that was there', async (context) => {
  const disk = smallDisk(context, 8);
  const { output, folder } = await given();
  const path = join(disk.path, 'data.parquet');
  await loadDataSet(duckdb, await storeRows(folder, [new Map([['id', 'before']])]), path);
  const before = await readFile(path);
  const works = {
    load: () => loadDataSet(duckdb, output, path),
    'merge of one source': () =>
      mergeDataSets(duckdb, { main: [{ rows: output }], joined: [], idColumn: 'id' }, path),
    'merge that gathers': () =>
      mergeDataSets(
        duckdb,
        {
          main: [{ rows: output }],
          joined: [{ rows: output, key: 'id', match: 'id', join: 'fill', prefix: 'x_' }],
          idColumn: 'id',
        },
        path,
      ),
  };
  for (const [what, work] of Object.entries(works)) {
    await disk.fill(512 * 1024);
    await expect(work(), what).rejects.toThrow(FULL);
    expect((await readdir(disk.path)).sort(), what).toEqual(['ballast', 'data.parquet']);
    expect(await readFile(path), what).toEqual(before);
    await disk.free();
  }
  await works['merge that gathers']();
  expect((await readAll(duckdb, path)).rows).toHaveLength(2000);
  expect(await readdir(disk.path)).toEqual(['data.parquet']);
});

test('a delta leaves no stream that could be taken for a whole one', async (context) => {
  const disk = smallDisk(context, 16);
  const { present, baseline } = await given();
  const input = join(disk.path, 'input');
  const streams = Object.fromEntries(DELTA_STREAMS.map((stream) => [stream, join(input, stream)]));
  const compare = () =>
    writeDelta(duckdb, { present, baseline }, { key: 'id' }, streams, join(disk.path, 'work'));
  for (const left of [256 * 1024, 2 * 1024 ** 2]) {
    await disk.fill(left);
    await expect(compare()).rejects.toThrow(FULL);
    expect(await exists(join(disk.path, 'work'))).toBe(false);
    // A stream is there when its description is, which is written last.
    const described = DELTA_STREAMS.map((stream) => exists(join(input, `${stream}.json`)));
    expect(await Promise.all(described)).toContain(false);
    await disk.free();
  }
  // What lies there half is no obstacle.
  expect(await compare()).toMatchObject({ new: 1000, deleted: 1000 });
});
