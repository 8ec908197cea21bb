import { type ChildProcess, fork } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLog, runFolder } from '@slipway/container-api';
import { writeInputStream } from '@slipway/records';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOutput, temporaryFolder } from '../../container-api/test/test-run.ts';
import { type Ended, type Language, type Program, play, runVariables, startScenario } from './programs.ts';

const SIDECAR = join(import.meta.dirname, '../../container-api/test/sidecar-process.ts');

let folder: string;
let remove: () => Promise<void>;
let sidecar: ChildProcess | undefined;

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  await mkdir(runFolder(folder).exchange, { recursive: true });
});
afterEach(async () => {
  await killSidecar();
  await remove();
});

/** Starts the Container API in a process of its own; gives its port. */
function startSidecar(type: string, port = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = fork(SIDECAR, [folder, type, String(port)]);
    sidecar = child;
    child.once('message', (message: { port: number }) => resolve(message.port));
    child.once('exit', (code) => reject(new Error(`The sidecar ended with ${code}`)));
  });
}

async function killSidecar(): Promise<void> {
  const child = sidecar;
  sidecar = undefined;
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
}

/** Kills and restarts the Container API on its folder while a program is under way. */
async function disturb(program: Program, type: string, port: number): Promise<Ended> {
  await program.says('under way');
  for (let round = 0; round < 3 && program.child.exitCode === null; round++) {
    await sleep(30 * round);
    await killSidecar();
    await startSidecar(type, port);
    await sleep(50);
  }
  return await program.ended;
}

const environment = (port: number) => runVariables(`http://127.0.0.1:${port}`, folder);
/** Holds a program to little memory: Node to a heap, Python to data of so many megabytes. */
const HELD = { NODE_OPTIONS: '--max-old-space-size=32', MEMORY_LIMIT_MB: '64' };
const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));

describe.each<Language>(['node', 'python'])('in %s', { timeout: 120_000 }, (language) => {
  test('rows and log entries are there once although the Container API was killed', async () => {
    const port = await startSidecar('datasource');
    const program = startScenario(language, 'writeOn', environment(port), ['--rows=20000']);
    expect(await disturb(program, 'datasource', port)).toMatchObject({ code: 0, stderr: '' });
    await killSidecar();
    expect((await readOutput(folder, 'output')).rows.flat()).toEqual(numbered(20_000));
    const { entries } = await readLog(runFolder(folder).log, 0, 64 * 1024 ** 2);
    expect(entries.map(({ message }) => message)).toEqual(
      Array.from({ length: 200 }, (_, index) => `${(index + 1) * 100} rows`),
    );
  });

  test('no row of the input is skipped or given twice although the Container API was killed', async () => {
    await writeInputStream(
      runFolder(folder).input('input'),
      ['id', 'text'],
      (async function* () {
        for (const id of numbered(60_000)) yield [id, 'longer than what connections hold '.repeat(8)];
      })(),
    );
    const port = await startSidecar('export');
    const notes = join(folder, 'notes');
    const program = startScenario(language, 'readOn', environment(port), [`--notes=${notes}`]);
    expect(await disturb(program, 'export', port)).toMatchObject({ code: 0, stderr: '' });
    expect((await readFile(notes, 'utf8')).trimEnd().split('\n')).toEqual(numbered(60_000));
  });

  test('rows are there once although the Container API stood still for longer than an answer may take', async () => {
    const port = await startSidecar('datasource');
    const program = startScenario(language, 'impatient', environment(port), ['--rows=300']);
    await program.says('under way');
    sidecar!.kill('SIGSTOP');
    await sleep(1000);
    sidecar!.kill('SIGCONT');
    expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
    await killSidecar();
    expect((await readOutput(folder, 'output')).rows.flat()).toEqual(numbered(300));
  });

  test('a checkpoint is changed once per version although the Container API was killed', async () => {
    const port = await startSidecar('datasource');
    const program = startScenario(language, 'stateOn', environment(port), ['--rows=1500']);
    const { code, stdout, stderr } = await disturb(program, 'datasource', port);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout.replace('under way\n', ''))).toEqual({ value: 1500, version: 1500 });
  });

  test('rows that are streamed are stored together or not at all when the Container API is killed', async () => {
    const port = await startSidecar('datasource');
    const program = startScenario(language, 'streamOn', environment(port));
    await program.says('under way');
    await killSidecar();
    const { stdout } = await program.ended;
    const text = JSON.parse(stdout.replace('under way\n', ''));
    expect(text).toContain(
      `UnreachableError: POST /output/output was not answered by the Container API at http://127.0.0.1:${port} (`,
    );
    expect(text).toMatch(/\)\. Rows that are streamed can not be sent again\.$/);
    await startSidecar('datasource');
    await killSidecar();
    expect((await readOutput(folder, 'output')).count).toBe(0);
  });

  // Two hundred megabytes of JSON each.
  test('a million rows are streamed in little memory', { timeout: 180_000 }, async () => {
    const port = await startSidecar('datasource');
    const held = { ...environment(port), ...HELD };
    expect(await play(language, 'flood', held, ['--rows=1000000'])).toBe(1_000_000);
    await killSidecar();
    expect((await readOutput(folder, 'output')).count).toBe(1_000_000);
  });

  test('a million rows are read and written in little memory', { timeout: 180_000 }, async () => {
    const values = Array.from({ length: 8 }, (_, index) => `value ${index}`);
    const names = values.map((_, index) => `column_${index}`);
    const rows = async function* () {
      for (let row = 0; row < 1_000_000; row++) yield values;
    };
    await writeInputStream(runFolder(folder).input('input'), names, rows());
    const port = await startSidecar('data-service');
    expect(await play(language, 'copyAll', { ...environment(port), ...HELD })).toBe(1_000_000);
  });
});
