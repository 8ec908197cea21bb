import { join } from 'node:path';
import { writeInputStream } from '@slipway/records';
import type { Comparison } from './harness.ts';
import { rate } from './load.ts';
import { row } from './rows.ts';
import { startTarget } from './targets/target.ts';

const inputRows = 100_000;
const connections = 4;

/** Writing and reading rows, against a bare server that parses and appends, or slices, the same bytes. */
export async function rowComparisons(
  folder: string,
): Promise<{ comparisons: Comparison[]; stop: () => Promise<void> }> {
  const runFolder = join(folder, 'run');
  const input = join(runFolder, 'input', 'input');
  await writeInputStream(input, Object.keys(row(0)), inputLines());
  const environment = { BENCH_FOLDER: folder, BENCH_RUN_FOLDER: runFolder, BENCH_ROWS: `${input}.ndjson` };
  const ours = await startTarget<{ url: string }>('container-api', environment);
  const bare = await startTarget<{ url: string }>('bare-rows', environment);

  const write = (size: number): Comparison => {
    const body = JSON.stringify({ data: Array.from({ length: size }, (_value, index) => row(index)) });
    const amount = Math.max(60, Math.round(60_000 / size));
    const send = async (url: string): Promise<number> =>
      (await rate({ url, method: 'POST', body, connections, amount })) * size;
    return {
      name: `write, ${size} rows a call`,
      unit: 'rows/s',
      better: 'higher',
      ours: () => send(`${ours.ready.url}/output/output`),
      bare: () => send(`${bare.ready.url}/output/output`),
      target: { kind: 'ratio', atLeast: 0.8 },
    };
  };

  const size = 999;
  const amount = Math.floor(inputRows / size);
  const readAll = async (url: string): Promise<number> =>
    (await rate({ url: `${url}/input/input/next_batch?size=${size}`, connections, amount })) * size;
  const read: Comparison = {
    name: `read, ${size} rows a call`,
    unit: 'rows/s',
    better: 'higher',
    ours: async () => {
      await fetch(`${ours.ready.url}/input/input/restart`);
      return readAll(ours.ready.url);
    },
    bare: () => readAll(bare.ready.url),
    target: { kind: 'ratio', atLeast: 0.8 },
  };
  return {
    comparisons: [write(100), write(500), read],
    stop: async () => {
      await ours.stop();
      await bare.stop();
    },
  };
}

async function* inputLines(): AsyncGenerator<string[]> {
  for (let index = 0; index < inputRows; index += 1) yield Object.values(row(index)).map(String);
}
