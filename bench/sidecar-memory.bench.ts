import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { request } from 'node:http';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Result } from './harness.ts';
import { row } from './rows.ts';
import { startTarget } from './targets/target.ts';

const rows = 300_000;
const most = 90;

/**
 * Private memory of the Container API's process while rows of any amount go through it: lines in one call, then batches.
 * Pages of Node's own file, some 50 MiB, are shared by all processes of a machine and can be given up at any time.
 */
export async function measureSidecar(folder: string): Promise<Result> {
  const runFolder = join(folder, 'sidecar');
  await mkdir(runFolder, { recursive: true });
  const target = await startTarget<{ url: string }>('container-api', {
    BENCH_FOLDER: folder,
    BENCH_RUN_FOLDER: runFolder,
    NODE_OPTIONS: '--max-semi-space-size=1',
  });
  let peak = 0;
  const looking = setInterval(() => {
    peak = Math.max(peak, privateMib(target.pid));
  }, 100);
  try {
    const url = `${target.ready.url}/output/output`;
    await post(url, 'application/x-ndjson', lines());
    for (let start = 0; start < rows; start += 500) {
      const data = Array.from({ length: 500 }, (_value, index) => row(start + index));
      await post(url, 'application/json', [JSON.stringify({ data })]);
    }
  } finally {
    clearInterval(looking);
    await target.stop();
  }
  return {
    name: `private memory of the Container API while ${rows.toLocaleString('en')} rows come as lines and in batches`,
    unit: 'MiB',
    ours: peak,
    bare: 0,
    target: `≤ ${most} MiB`,
    value: '–',
    met: peak <= most,
  };
}

function privateMib(pid: number): number {
  const [, kib] = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib ?? 0) / 1024;
}

function* lines(): Generator<string> {
  for (let start = 0; start < rows; start += 200) {
    yield Array.from({ length: 200 }, (_value, index) => `${JSON.stringify(row(start + index))}\n`).join('');
  }
}

/** Sends a body in parts. @throws unless its rows are acknowledged */
export async function post(url: string, type: string, parts: Iterable<string>): Promise<void> {
  const call = request(url, { method: 'POST', headers: { 'content-type': type } });
  const answered = new Promise<number>((resolve, reject) => {
    call.once('error', reject).once('response', (response) => {
      response.resume().once('end', () => resolve(response.statusCode ?? 0));
    });
  });
  await pipeline(Readable.from(parts, { objectMode: false }), call);
  const status = await answered;
  if (status !== 201) throw new Error(`The rows were answered with ${status}`);
}
