/**
 * npm run verify: format, lint, types, dead code and the tests that need no database, in under a minute. All steps are run;
 * the failures are named at the end. With --checks the tests are left out.
 */
import { spawn } from 'node:child_process';

const tool = (path: string, ...args: string[]): string[] => [`node_modules/${path}`, ...args];

const checks: [name: string, command: string[]][] = [
  ['format and lint', tool('@biomejs/biome/bin/biome', 'check', '--error-on-warnings')],
  ['types', tool('typescript/bin/tsc', '--noEmit')],
  ['dead code', tool('knip/bin/knip.js')],
];
const unitTests: [string, string[]] = [
  'unit tests',
  tool('vitest/vitest.mjs', 'run', '--project=rest', '--reporter=dot', '--passWithNoTests'),
];

const steps = process.argv.includes('--checks') ? checks : [...checks, unitTests];
const failed: string[] = [];
for (const [name, command] of steps) {
  const begin = performance.now();
  const { code, output } = await run(command);
  const seconds = ((performance.now() - begin) / 1000).toFixed(1);
  console.log(`${code === 0 ? '✓' : '✗'} ${name} (${seconds} s)`);
  if (code !== 0) {
    console.log(output);
    failed.push(name);
  }
}
if (failed.length > 0) {
  console.log(`Failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}

/** A step's words are shown only when it fails. */
function run(command: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
  }
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output }));
  });
}
