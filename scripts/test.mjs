/**
 * npm test: the checks and all tests. With arguments only tests are run, and the arguments go to Vitest, for example
 * `npm test -- packages/records`. The last line is always "N passed, N failed, N skipped".
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureInstalled } from './lib/install.mjs';
import { runNode } from './lib/run.mjs';
import { count } from './lib/test-report.mjs';

await ensureInstalled();
const args = process.argv.slice(2);
const checks = args.length === 0 ? await runNode(['scripts/verify.ts', '--checks']) : { code: 0 };

const folder = mkdtempSync(join(tmpdir(), 'slipway-test-report-'));
const report = join(folder, 'report.json');
const tests = await runNode([
  'node_modules/vitest/vitest.mjs',
  'run',
  '--reporter=default',
  '--reporter=json',
  `--outputFile.json=${report}`,
  ...args,
]);
const { passed, failed, skipped } = count(read(report), tests.code);
rmSync(folder, { recursive: true, force: true });

// The checks come first and scroll away; their failure counts as one.
const allFailed = failed + (checks.code === 0 ? 0 : 1);
if (checks.code !== 0) console.log('The checks failed, see above (npm run verify repeats them).');
console.log(`${passed} passed, ${allFailed} failed, ${skipped} skipped`);
process.exitCode = allFailed === 0 ? 0 : 1;

function read(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    return null;
  }
}
