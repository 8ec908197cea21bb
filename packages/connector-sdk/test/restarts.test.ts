import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readLog, runFolder } from '@slipway/container-api';
import { writeInputStream } from '@slipway/records';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { readOutput, temporaryFolder } from '../../container-api/test/test-run.ts';
import { type Ended, type Language, type Program, runVariables, startScenario } from './programs.ts';
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

/** Kills and restarts the Container API on its folder while a program is under way. */
async function disturb(program: Program, api: Sidecar, port: number): Promise<Ended> {
  await program.says('under way');
  for (let round = 0; round < 3 && program.child.exitCode === null; round++) {
    await sleep(30 * round);
    await api.kill();
    await api.start(port);
    await sleep(50);
  }
  return await program.ended;
}

const environment = (port: number) => runVariables(`http://127.0.0.1:${port}`, folder);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => String(index));

describe.each<Language>(['node', 'python'])('in %s', { timeout: 120_000 }, (language) => {
  test('rows and log entries are there once although the Container API was killed', async () => {
    sidecar = new Sidecar(folder, 'datasource');
    const port = await sidecar.start();
    const program = startScenario(language, 'writeOn', environment(port), ['--rows=20000']);
    expect(await disturb(program, sidecar, port)).toMatchObject({ code: 0, stderr: '' });
    await sidecar.kill();
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
    sidecar = new Sidecar(folder, 'export');
    const port = await sidecar.start();
    const notes = join(folder, 'notes');
    const program = startScenario(language, 'readOn', environment(port), [`--notes=${notes}`]);
    expect(await disturb(program, sidecar, port)).toMatchObject({ code: 0, stderr: '' });
    expect((await readFile(notes, 'utf8')).trimEnd().split('\n')).toEqual(numbered(60_000));
  });

  test('rows are there once although the Container API stood still for longer than an answer may take', async () => {
    sidecar = new Sidecar(folder, 'datasource');
    const port = await sidecar.start();
    const program = startScenario(language, 'impatient', environment(port), ['--rows=300']);
    await program.says('under way');
    sidecar.signal('SIGSTOP');
    await sleep(1000);
    sidecar.signal('SIGCONT');
    expect(await program.ended).toMatchObject({ code: 0, stderr: '' });
    await sidecar.kill();
    expect((await readOutput(folder, 'output')).rows.flat()).toEqual(numbered(300));
  });

  test('a checkpoint is changed once per version although the Container API was killed', async () => {
    sidecar = new Sidecar(folder, 'datasource');
    const port = await sidecar.start();
    const program = startScenario(language, 'stateOn', environment(port), ['--rows=1500']);
    const { code, stdout, stderr } = await disturb(program, sidecar, port);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout.replace('under way\n', ''))).toEqual({ value: 1500, version: 1500 });
  });

  test('rows that are streamed are stored together or not at all when the Container API is killed', async () => {
    sidecar = new Sidecar(folder, 'datasource');
    const port = await sidecar.start();
    const program = startScenario(language, 'streamOn', environment(port));
    await program.says('under way');
    await sidecar.kill();
    const { stdout } = await program.ended;
    const text = JSON.parse(stdout.replace('under way\n', ''));
    expect(text).toContain(
      `UnreachableError: POST /output/output was not answered by the Container API at http://127.0.0.1:${port} (`,
    );
    expect(text).toMatch(/\)\. Rows that are streamed can not be sent again\.$/);
    await sidecar.start();
    await sidecar.kill();
    expect((await readOutput(folder, 'output')).count).toBe(0);
  });
});
