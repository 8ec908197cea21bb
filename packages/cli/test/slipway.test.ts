import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';

const bin = join(import.meta.dirname, '../bin/slipway.mjs');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-cli-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const slipway = (...words: string[]) =>
  new Promise<{ code: number; out: string; err: string }>((resolve) => {
    execFile(process.execPath, [bin, ...words], { cwd: folder }, (error, out, err) =>
      resolve({ code: error === null ? 0 : Number(error.code), out, err }),
    );
  });

test('help tells the commands and their exit codes', async () => {
  const { code, out } = await slipway('--help');
  expect(code).toBe(0);
  expect(out).toContain('container-api [options]');
  expect(out).toContain('Exit codes: 0 well, 1 failed, 2 wrong use.');
  const command = await slipway('container-api', '--help');
  expect(command.code).toBe(0);
  expect(command.out).toContain('--config <file>');
});

test.each([
  [['containr-api'], "error: unknown command 'containr-api'\n(Did you mean container-api?)\n"],
  [['container-api'], "error: required option '--config <file>' not specified\n"],
  [['container-api', '--config', 'run.json', '--verbose'], "error: unknown option '--verbose'\n"],
  [
    ['container-api', '--config', 'none.json'],
    'none.json can not be read: ENOENT: no such file or directory',
  ],
])('wrong use of %j is told', async (words, text) => {
  const { code, err } = await slipway(...words);
  expect([code, err]).toEqual([2, expect.stringContaining(text)]);
});

test('container-api serves a run from files to files', async () => {
  const config = { connector: { type: 'datasource' }, outputs: { output: 'out.ndjson' } };
  await writeFile(join(folder, 'run.json'), JSON.stringify(config));
  const child = spawn(process.execPath, [bin, 'container-api', '--config', 'run.json'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  try {
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { event, url } = JSON.parse(String(line)) as { event: string; url: string };
    expect(event).toBe('listening');
    const answer = await fetch(`${url}/output/output`, { method: 'POST', body: '{"data":[{"id":1}]}' });
    expect(answer.status).toBe(201);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
  expect(await readFile(join(folder, 'out.ndjson'), 'utf8')).toBe('{"id":"1"}\n');
});
