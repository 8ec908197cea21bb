import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { writeInputStream } from '@slipway/records';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLog, runFolder } from '../src/index.ts';
import { readOutput, temporaryFolder } from './test-run.ts';

let folder: string;
let remove: () => Promise<void>;
const children = new Set<ChildProcess>();

beforeEach(async () => ({ folder, remove } = await temporaryFolder()));
afterEach(async () => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  await remove();
});

async function startSidecar(type: string): Promise<{ child: ChildProcess; url: string }> {
  const child = fork(join(import.meta.dirname, 'sidecar-process.ts'), [folder, type]);
  children.add(child);
  const { port } = await message<{ port: number }>(child);
  return { child, url: `http://127.0.0.1:${port}` };
}

function message<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    child.once('message', (value) => resolve(value as T));
    child.once('exit', (code) => reject(new Error(`The sidecar ended with ${code}`)));
  });
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await gone;
  children.delete(child);
}

test('what was acknowledged before kill -9 is there exactly once, what was not is there whole or not at all', async () => {
  const acknowledged = new Set<string>();
  const acknowledgedLogs = new Set<string>();
  const sent = new Map<string, number>();
  for (let round = 0; round < 4; round++) {
    const { child, url } = await startSidecar('datasource');
    let alive = true;
    const client = async (name: number) => {
      for (let call = 0; alive; call++) {
        const id = `${round}-${name}-${call}`;
        const size = call % 20 === 0 ? 5000 : 1 + (call % 10);
        sent.set(id, size);
        const data = Array.from({ length: size }, (_, row) => ({
          call: id,
          row,
          [`c${round}-${call % 50}`]: 'x',
        }));
        try {
          const answer = await fetch(`${url}/output/output`, {
            method: 'POST',
            body: JSON.stringify({ data }),
          });
          if (answer.status === 201) acknowledged.add(id);
          const logged = await fetch(`${url}/logs/info`, {
            method: 'POST',
            body: JSON.stringify({ message: id }),
          });
          if (logged.status === 201) acknowledgedLogs.add(id);
        } catch {
          return;
        }
      }
    };
    const clients = [0, 1, 2, 3].map(client);
    await new Promise((resolve) => setTimeout(resolve, 300 + round * 150));
    await kill(child);
    alive = false;
    await Promise.all(clients);
  }
  // Started once more, so that what the last kill left is put in order.
  await kill((await startSidecar('datasource')).child);

  const { rows, columns, count } = await readOutput(folder, 'output');
  expect(count).toBe(rows.length);
  const stored = Map.groupBy(rows, ([call]) => call!);
  for (const [call, ofCall] of stored) {
    expect(
      ofCall.map((row) => Number(row[1])),
      call,
    ).toEqual(Array.from({ length: sent.get(call)! }, (_, row) => row));
  }
  for (const call of acknowledged) expect(stored.has(call), call).toBe(true);
  expect(acknowledged.size).toBeGreaterThan(50);
  expect(columns.slice(2).every((_column, index) => rows.some((row) => row[index + 2] === 'x'))).toBe(true);

  const { entries } = await readLog(runFolder(folder).log, 0, 64 * 1024 ** 2);
  expect(entries.map(({ number }) => number)).toEqual(entries.map((_, index) => index + 1));
  const messages = entries.map((entry) => entry.message);
  expect(new Set(messages).size).toBe(messages.length);
  for (const id of acknowledgedLogs) expect(messages).toContain(id);
});

test('after kill -9 no row of the input is skipped', async () => {
  const count = 20_000;
  const rows = async function* () {
    for (let row = 0; row < count; row++) yield [String(row)];
  };
  await writeInputStream(runFolder(folder).input('input'), ['id'], rows());
  const seen: number[] = [];
  for (let end = false, round = 0; !end; round++) {
    const { child, url } = await startSidecar('export');
    for (let call = 0; call < 40 || round > 3; call++) {
      const answer = await fetch(`${url}/input/input/next_batch?size=97`);
      const { data } = (await answer.json()) as { data: { id: string }[] };
      seen.push(...data.map(({ id }) => Number(id)));
      end = data.length === 0;
      if (end) break;
    }
    await kill(child);
  }
  expect(new Set(seen).size).toBe(count);
  // What came twice is at most what the last answers before a kill held.
  expect(seen.length - count).toBeLessThan(4 * 97 * 40);
});

test('memory stays flat while a million rows are written and read', { timeout: 120_000 }, async () => {
  const total = 1_000_000;
  const values = Array.from({ length: 8 }, (_, index) => `value ${index}`);
  const names = values.map((_, index) => `column_${index}`);
  const rows = async function* () {
    for (let row = 0; row < total; row++) yield values;
  };
  await writeInputStream(runFolder(folder).input('input'), names, rows());
  const { child, url } = await startSidecar('export');
  const data = Array.from({ length: 2000 }, () =>
    Object.fromEntries(names.map((name, index) => [name, values[index]])),
  );
  const body = JSON.stringify({ data });
  const writer = async () => {
    for (let call = 0; call < total / data.length / 4; call++) {
      const answer = await fetch(`${url}/output/feedback`, { method: 'POST', body });
      expect(answer.status).toBe(201);
      await answer.arrayBuffer();
    }
  };
  const reader = async () => {
    let bytes = 0;
    for await (const part of (await fetch(`${url}/input/input/stream`)).body!) bytes += part.length;
    return bytes;
  };
  const [bytes] = await Promise.all([reader(), writer(), writer(), writer(), writer()]);
  expect(bytes).toBe(total * `${JSON.stringify(data[0])}\n`.length);
  const answer = message<{ maxRssMb: number }>(child);
  child.send('memory');
  expect((await answer).maxRssMb).toBeLessThan(256);
  await kill(child);
  expect((await readOutput(folder, 'feedback')).count).toBe(total);
});
