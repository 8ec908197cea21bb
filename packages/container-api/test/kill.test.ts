import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type RunConfig, readLog, runFolder } from '../src/index.ts';
import { seeded } from './seeded.ts';
import { endStandAlone, type StandAlone, startStandAlone } from './stand-alone.ts';
import { temporaryFolder } from './test-run.ts';

/** So many times one of the two is killed; both go on where they were. */
const MOMENTS = 100;
const SEED = Number(process.env.SLIPWAY_TEST_SEED ?? 20_260_511);

let folder: string;
let remove: () => Promise<void>;
let connector: ChildProcess | null = null;
beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(async () => {
  connector?.kill('SIGKILL');
  endStandAlone();
  await remove();
});

/** A port that stays the same over all starts. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

function startConnector(url: string, calls: number): ChildProcess {
  const script = join(import.meta.dirname, 'clients/writer.mjs');
  return spawn(process.execPath, [script, url, join(folder, 'acknowledged'), String(calls)], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
}

const POLL = { interval: 10, timeout: 20_000 };

const acknowledgedCalls = async (): Promise<number> => {
  const file = join(folder, 'acknowledged');
  return existsSync(file) ? (await readFile(file, 'utf8')).split('\n').length - 1 : 0;
};

const gone = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await once(child, 'exit');
};

test(`sidecar and connector are killed at ${MOMENTS} moments: acknowledged rows are all there, once`, {
  timeout: 600_000,
}, async () => {
  const random = seeded(SEED);
  const config: RunConfig = {
    connector: { type: 'datasource' },
    listen: { port: await freePort() },
    outputs: { output: 'out.ndjson' },
  };
  let sidecar: StandAlone = await startStandAlone(folder, config);
  connector = startConnector(sidecar.url, Number.MAX_SAFE_INTEGER);
  let acknowledged = 0;
  for (let moment = 0; moment < MOMENTS; moment++) {
    // However slow the machine is, each kill meets a connector that writes.
    const before = acknowledged;
    await expect.poll(async () => (acknowledged = await acknowledgedCalls()), POLL).toBeGreaterThan(before);
    await sleep(random() * 120);
    const which = random();
    if (which < 0.45) {
      await sidecar.end('SIGKILL');
      sidecar = await startStandAlone(folder, config);
    }
    if (which > 0.4) {
      connector.kill('SIGKILL');
      await gone(connector);
      connector = startConnector(sidecar.url, Number.MAX_SAFE_INTEGER);
    }
  }
  // Once more so many calls that every one that was in flight has been sent again.
  connector.kill('SIGKILL');
  await gone(connector);
  const calls = (await acknowledgedCalls()) + 5;
  connector = startConnector(sidecar.url, calls);
  await gone(connector);
  expect((await sidecar.end('SIGTERM')).code).toBe(0);

  const rows = (await readFile(join(folder, 'out.ndjson'), 'utf8')).split('\n').slice(0, -1);
  const stored = rows.map((row) => JSON.parse(row) as { call: string; row: string });
  const expected = Array.from({ length: calls }, (_, call) => {
    const size = call % 15 === 0 ? 3000 : 1 + (call % 7);
    return Array.from({ length: size }, (_row, row) => `${call} ${row}`);
  }).flat();
  expect(
    stored.map(({ call, row }) => `${call} ${row}`),
    `seed ${SEED}`,
  ).toEqual(expected);
  const { entries } = await readLog(runFolder(join(folder, 'run')).log, 0, 64 * 1024 ** 2);
  expect(
    entries.map(({ message }) => message),
    `seed ${SEED}`,
  ).toEqual(Array.from({ length: calls }, (_, call) => `call ${call}`));
  expect(entries.map(({ number }) => number)).toEqual(entries.map((_entry, index) => index + 1));
});
