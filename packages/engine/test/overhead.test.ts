import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { BOTH_ENGINES, buildFiles, makeEngine, run, temporaryFolder } from './support.ts';

const ROUNDS = 8;
const ALLOWED_MS = 300;

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function timed(action: () => Promise<unknown>): Promise<number> {
  const begin = performance.now();
  await action();
  return performance.now() - begin;
}

test.each(BOTH_ENGINES)('engine %s adds less than 300 ms to a bare spawn', async (name) => {
  const root = temporaryFolder();
  const engine = await makeEngine(name, root);
  const digest = await buildFiles(engine, root, { 'a.txt': 'x' });
  const bare: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    bare.push(await timed(() => once(spawn('true', { stdio: 'ignore' }), 'close')));
  }
  for (const mode of ['open', 'none'] as const) {
    const whole: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      whole.push(await timed(() => run(engine, root, digest, 'true', { network: { mode } })));
    }
    const overhead = median(whole) - median(bare);
    process.stdout.write(`${name}, network ${mode}: ${overhead.toFixed(1)} ms over a bare spawn\n`);
    expect(overhead).toBeLessThan(ALLOWED_MS);
  }
});
