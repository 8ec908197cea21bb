/**
 * npm run docs:operations: runs the tests of the server, each of which records what it has seen, and writes
 * docs/reference/operations.md from that. Nothing is written when a test fails. It takes some minutes.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Recorded } from '../packages/server/test/support/recording.ts';
import { operationsPage } from './lib/operations-page.ts';

const folder = mkdtempSync(join(tmpdir(), 'slipway-recording-'));
const file = join(folder, 'seen.jsonl');
const tests = spawnSync(process.execPath, ['node_modules/vitest/vitest.mjs', 'run', '--project=server'], {
  stdio: 'inherit',
  env: { ...process.env, SLIPWAY_TEST_RECORDING: file },
});
if (tests.status === 0) {
  const seen = readFileSync(file, 'utf8').trim().split('\n');
  const page = operationsPage(seen.map((line) => JSON.parse(line) as Recorded));
  writeFileSync(new URL('../docs/reference/operations.md', import.meta.url), page);
  console.log('docs/reference/operations.md');
}
rmSync(folder, { recursive: true, force: true });
process.exitCode = tests.status ?? 1;
