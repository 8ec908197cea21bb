import { writeSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { AppendFile } from '@slipway/records';
import type { Comparison } from './harness.ts';
import { row } from './rows.ts';

/**
 * What the promise of an acknowledged row costs: files as streams append to them, synced within a second, against a sync
 * for every call and against none at all. The same bytes, one call after the other, as a connector waits for each answer.
 */
export function syncingComparisons(folder: string): Comparison[] {
  const path = join(folder, 'synced.ndjson');
  const calls = (size: number) => Math.max(200, Math.round(20_000 / size));
  const bytes = (size: number) =>
    Buffer.from(Array.from({ length: size }, (_value, index) => `${JSON.stringify(row(index))}\n`).join(''));

  const asStreams = async (size: number): Promise<number> => {
    const lines = bytes(size);
    const file = await AppendFile.open(path, 0);
    const took = await milliseconds(async () => {
      for (let call = 0; call < calls(size); call += 1) await file.append(lines);
    });
    await file.close();
    return (calls(size) * 1000) / took;
  };
  const bare = async (size: number, sync: boolean): Promise<number> => {
    const lines = bytes(size);
    const file = await open(path, 'w');
    // So many syncs take seconds: a tenth of the calls tells their rate.
    const amount = sync ? calls(size) / 10 : calls(size);
    const took = await milliseconds(async () => {
      for (let call = 0; call < amount; call += 1) {
        writeSync(file.fd, lines);
        if (sync) await file.datasync();
      }
    });
    await file.close();
    return (amount * 1000) / took;
  };
  const comparison = (size: number, sync: boolean): Comparison => ({
    name: `calls of ${size} ${size === 1 ? 'row' : 'rows'} appended, against ${sync ? 'a sync for each' : 'no sync at all'}`,
    unit: 'calls/s',
    better: 'higher',
    ours: () => asStreams(size),
    bare: () => bare(size, sync),
    target: { kind: 'ratio', atLeast: sync ? 1 : 0.9 },
  });
  return [1, 100].flatMap((size) => [comparison(size, true), comparison(size, false)]);
}

async function milliseconds(work: () => Promise<void>): Promise<number> {
  const start = performance.now();
  await work();
  return performance.now() - start;
}
