import { mkdir } from 'node:fs/promises';
import { runFolder } from '@slipway/container-api';
import { writeInputStream } from '@slipway/records';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOutput, temporaryFolder } from '../../container-api/test/test-run.ts';
import { type Language, play, runVariables } from './programs.ts';
import { Sidecar } from './sidecar.ts';

let folder: string;
let remove: () => Promise<void>;
let sidecar: Sidecar | undefined;

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  await mkdir(runFolder(folder).exchange, { recursive: true });
});
afterEach(async () => {
  await sidecar?.kill();
  sidecar = undefined;
  await remove();
});

const environment = (port: number) => runVariables(`http://127.0.0.1:${port}`, folder);
/** Holds a program to little memory: Node to a heap, Python to data of so many megabytes. */
const HELD = { NODE_OPTIONS: '--max-old-space-size=32', MEMORY_LIMIT_MB: '64' };

// Two hundred megabytes of JSON each.
describe.each<Language>(['node', 'python'])('in %s', { timeout: 180_000 }, (language) => {
  test('a million rows are streamed in little memory', async () => {
    sidecar = new Sidecar(folder, 'datasource');
    const port = await sidecar.start();
    const held = { ...environment(port), ...HELD };
    expect(await play(language, 'flood', held, ['--rows=1000000'])).toBe(1_000_000);
    await sidecar.kill();
    expect((await readOutput(folder, 'output')).count).toBe(1_000_000);
  });

  test('a million rows are read and written in little memory', async () => {
    const values = Array.from({ length: 8 }, (_, index) => `value ${index}`);
    const names = values.map((_, index) => `column_${index}`);
    const rows = async function* () {
      for (let row = 0; row < 1_000_000; row++) yield values;
    };
    await writeInputStream(runFolder(folder).input('input'), names, rows());
    sidecar = new Sidecar(folder, 'data-service');
    const port = await sidecar.start();
    expect(await play(language, 'copyAll', { ...environment(port), ...HELD })).toBe(1_000_000);
  });
});
