import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';
import { DuckDb, describeOutput, loadDataSet, profileDataSet, readDataSet } from '@slipway/records';
import { options, seconds } from './data-sets.bench.ts';
import type { Result } from './harness.ts';
import { startTarget } from './targets/target.ts';

const rows = 1_000_000;
const columns = 2000;

/**
 * A million rows with twenty of two thousand columns each, from the Container API to the data view: what has to work in
 * bounded memory. It is that of the process at work: the Container API's for the writes, this one for the rest.
 */
export async function measureWide(folder: string): Promise<Result[]> {
  const work = join(folder, 'wide');
  await mkdir(work, { recursive: true });
  const results: Result[] = [];
  const measure = async (name: string, pid: number, most: number, task: () => Promise<unknown>) => {
    let peak = 0;
    const looking = setInterval(() => {
      peak = Math.max(peak, residentMib(pid));
    }, 100);
    const took = await seconds(task).finally(() => clearInterval(looking));
    results.push({
      name: `1,000,000 × 2,000 sparse columns: ${name}`,
      unit: 'MiB',
      ours: peak,
      bare: 0,
      target: `≤ ${most} MiB`,
      value: `${took.toFixed(1)} s`,
      met: peak <= most,
    });
  };
  const target = await startTarget<{ url: string }>('container-api', {
    BENCH_FOLDER: folder,
    BENCH_RUN_FOLDER: work,
  });
  // The rows are made in a process of their own: its memory is nobody's.
  await measure('write', target.pid, 256, async () => {
    const writer = await startTarget('wide-writer', {
      BENCH_URL: `${target.ready.url}/output/output`,
      BENCH_ROWS: String(rows),
      BENCH_COLUMNS: String(columns),
    });
    await writer.stop();
  });
  await target.stop();
  const output = await describeOutput(runFolder(work).output('output'));
  if (output.rows !== rows || output.columns.length !== columns) {
    throw new Error(`${output.rows} rows of ${output.columns.length} columns were stored.`);
  }
  const duckdb = new DuckDb({ ...options, temporaryFolder: join(work, 'spilled') });
  const path = join(work, 'wide.parquet');
  const all = { showHidden: true };
  await measure('load', process.pid, 1200, () => loadDataSet(duckdb, output, path));
  await measure('a page from the middle', process.pid, 1200, () =>
    readDataSet(duckdb, path, all, { offset: rows / 2, limit: 50 }),
  );
  await measure('profile of all columns', process.pid, 1200, () => profileDataSet(duckdb, path, all));
  return results;
}

/** Resident memory of a process. */
function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib ?? 0) / 1024;
}
