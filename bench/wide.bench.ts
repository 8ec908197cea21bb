import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';
import type { Result } from './harness.ts';
import { type Watched, watched } from './resident.ts';
import { startTarget } from './targets/target.ts';

const rows = 1_000_000;
const columns = 2000;

/**
 * A million rows with twenty of two thousand columns each, from the Container API to the data view: what has to work in
 * bounded memory. It is that of the process at work, which does nothing else.
 */
export async function measureWide(folder: string): Promise<Result[]> {
  const work = join(folder, 'wide');
  await mkdir(work, { recursive: true });
  const api = await startTarget<{ url: string }>('container-api', {
    BENCH_FOLDER: folder,
    BENCH_RUN_FOLDER: work,
  });
  const write = await watched(api.pid, async () => {
    const writer = await startTarget('wide-writer', {
      BENCH_URL: `${api.ready.url}/output/output`,
      BENCH_ROWS: String(rows),
      BENCH_COLUMNS: String(columns),
    });
    await writer.stop();
  });
  await api.stop();
  const reader = await startTarget<{ rows: number; columns: number; steps: Record<string, Watched> }>(
    'wide-reader',
    { BENCH_FOLDER: work, BENCH_OUTPUT: runFolder(work).output('output') },
  );
  const { steps, ...stored } = reader.ready;
  await reader.stop();
  if (stored.rows !== rows || stored.columns !== columns) {
    throw new Error(`${stored.rows} rows of ${stored.columns} columns were stored.`);
  }
  return [
    resultOf('write', write, 256),
    ...Object.entries(steps).map(([name, step]) => resultOf(name, step, 1400)),
  ];
}

const resultOf = (name: string, { peak, seconds }: Watched, most: number): Result => ({
  name: `1,000,000 × 2,000 sparse columns: ${name}`,
  unit: 'MiB',
  ours: peak,
  bare: 0,
  target: `≤ ${most} MiB`,
  value: `${seconds.toFixed(1)} s`,
  met: peak <= most,
});
