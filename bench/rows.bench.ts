import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeInputStream } from '@slipway/records';
import type { Comparison } from './harness.ts';
import { rate } from './load.ts';
import { row } from './rows.ts';
import { startTarget, type Target } from './targets/target.ts';

const inputRows = 100_000;
const connections = 4;
/** Rows of one call that writes lines: a connector sends all it has in one. */
const linesAtOnce = 100_000;

type Server = Target<{ url: string }>;

/** Writing and reading rows, against a bare server that parses and appends, slices, or sends the same bytes. */
export async function rowComparisons(
  folder: string,
): Promise<{ comparisons: Comparison[]; stop: () => Promise<void> }> {
  const input = join(folder, 'run', 'input', 'input');
  await writeInputStream(input, Object.keys(row(0)), inputLines());
  const environment = { BENCH_FOLDER: folder, BENCH_ROWS: `${input}.ndjson` };
  const runs: Server[] = [];
  const startRun = async (): Promise<void> => {
    const runFolder = runs.length === 0 ? join(folder, 'run') : join(folder, `run-${runs.length}`);
    await mkdir(runFolder, { recursive: true });
    runs.push(
      await startTarget<{ url: string }>('container-api', { ...environment, BENCH_RUN_FOLDER: runFolder }),
    );
  };
  await startRun();
  const ours = runs[0] as Server;
  const bare = await startTarget<{ url: string }>('bare-rows', environment);

  const atLeast = (ratio: number) => ({ kind: 'ratio', atLeast: ratio }) as const;
  const write = (size: number): Comparison => ({
    name: `write, ${size} rows a call`,
    unit: 'rows/s',
    better: 'higher',
    ours: () => writeRows(ours, size),
    bare: () => writeRows(bare, size),
    target: atLeast(0.9),
  });
  // A connector writes one call after the other; of many at once the work they have in common is the limit.
  const lines = (connections: number, least: number): Comparison => ({
    name: `write, lines (NDJSON), against 100 rows a call, ${connections === 1 ? 'one connection' : `${connections} connections`}`,
    unit: 'MB/s',
    better: 'higher',
    ours: () => writeLines(ours, connections),
    bare: async () => ((await writeRows(ours, 100, { connections })) * bytesPerRow) / 1e6,
    target: atLeast(least),
  });
  const next: Comparison = {
    name: 'read, one by one, against an empty handler',
    unit: 'rows/s',
    better: 'higher',
    ours: () => readFromStart(ours, '/input/input/next', 1),
    bare: () => rate({ url: `${bare.ready.url}/empty`, connections, amount: 10_000 }),
    target: atLeast(0.7),
  };
  const read = (size: number): Comparison => {
    const path = `/input/input/next_batch?size=${size}`;
    return {
      name: `read, ${size} rows a call`,
      unit: 'rows/s',
      better: 'higher',
      ours: () => readFromStart(ours, path, size),
      bare: () => readRows(bare, path, size),
      target: atLeast(0.9),
    };
  };
  const stream: Comparison = {
    name: 'read, stream, against a bare file server',
    unit: 'rows/s',
    better: 'higher',
    ours: () => readFromStart(ours, '/input/input/stream', inputRows),
    bare: () => readRows(bare, '/file', inputRows),
    target: atLeast(0.9),
  };
  const concurrent = (count: number): Comparison => ({
    name: `write, ${count} runs at once in all, against one`,
    unit: 'rows/s',
    better: 'higher',
    ours: async () => {
      while (runs.length < count) await startRun();
      const rates = await Promise.all(
        runs.slice(0, count).map((run) => writeRows(run, 100, { amountOfRows: 40_000 })),
      );
      // All began together: the slowest tells when the last row was written. Each writes enough to be warm.
      return Math.min(...rates) * count;
    },
    bare: () => writeRows(ours, 100, { amountOfRows: 40_000 }),
    target: atLeast(0.9),
  });
  return {
    comparisons: [
      ...[1, 100, 500].map(write),
      lines(1, 2),
      lines(connections, 1),
      next,
      ...[100, 999].map(read),
      stream,
      ...[4, 16].map(concurrent),
    ],
    stop: async () => {
      for (const run of runs) await run.stop();
      await bare.stop();
    },
  };
}

const bytesPerRow = Buffer.byteLength(JSON.stringify(row(0))) + 1;

async function writeRows(
  { ready }: Server,
  size: number,
  { amountOfRows = 60_000, connections: atOnce = connections } = {},
): Promise<number> {
  const body = JSON.stringify({ data: Array.from({ length: size }, (_value, index) => row(index)) });
  const amount = Math.min(10_000, Math.max(25, Math.round(amountOfRows / size)));
  const url = `${ready.url}/output/output`;
  return (await rate({ url, method: 'POST', body, connections: atOnce, amount })) * size;
}

/** MB a second of lines. */
async function writeLines({ ready }: Server, connections: number): Promise<number> {
  const body = Array.from({ length: linesAtOnce }, (_value, index) => `${JSON.stringify(row(index))}\n`).join(
    '',
  );
  const url = `${ready.url}/output/output`;
  const headers = { 'content-type': 'application/x-ndjson' };
  const calls = await rate({ url, method: 'POST', headers, body, connections, amount: 4 });
  return (calls * Buffer.byteLength(body)) / 1e6;
}

async function readRows({ ready }: Server, path: string, size: number): Promise<number> {
  const amount = Math.min(10_000, Math.floor(inputRows / size));
  const streams = size === inputRows;
  const url = ready.url + path;
  return (await rate({ url, connections: streams ? 1 : connections, amount })) * size;
}

async function readFromStart(run: Server, path: string, size: number): Promise<number> {
  await fetch(`${run.ready.url}/input/input/restart`);
  return readRows(run, path, size);
}

async function* inputLines(): AsyncGenerator<string[]> {
  for (let index = 0; index < inputRows; index += 1) yield Object.values(row(index)).map(String);
}
