import { Agent, request as httpRequest } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type ContainerApi, readLog, runFolder, startContainerApi } from '../src/index.ts';
import { send } from './raw-client.ts';
import { readOutput, temporaryFolder, testContext } from './test-run.ts';

let folder: string;
let remove: () => Promise<void>;
let api: ContainerApi;
const open = async () => {
  api = await startContainerApi(testContext(folder), { host: '127.0.0.1', port: 0 });
};

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  await open();
});
afterEach(async () => {
  await api.close();
  await remove();
});

const agent = new Agent({ keepAlive: true, maxSockets: 16 });
afterEach(() => agent.destroy());

/** Sends a body in parts and answers with the status. */
function post(
  path: string,
  parts: Iterable<string> | AsyncIterable<string>,
  headers: Record<string, string> = {},
): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ port: api.port, agent, method: 'POST', path, headers }, (answer) => {
      answer.resume();
      answer.once('end', () => resolve(answer.statusCode!));
    });
    request.on('error', reject);
    void (async () => {
      for await (const part of parts)
        if (!request.write(part)) await new Promise((drained) => request.once('drain', drained));
      request.end();
    })();
  });
}

const NDJSON = { 'Content-Type': 'application/x-ndjson; charset=utf-8' };

test('the rows of each of many calls at the same time stay together and in order', async () => {
  const calls = Array.from({ length: 200 }, (_, call) => call);
  const statuses = await Promise.all(
    calls.map((call) => {
      const rows = Array.from({ length: 1 + (call % 40) }, (_, row) => ({
        call,
        row,
        pad: 'x'.repeat(call * 10),
      }));
      return call % 3 === 0
        ? post(
            '/output/output',
            rows.map((row) => `${JSON.stringify(row)}\n`),
            NDJSON,
          )
        : post('/output/output', [JSON.stringify({ data: rows })]);
    }),
  );
  expect(new Set(statuses)).toEqual(new Set([201]));
  const { rows, count } = await readOutput(folder, 'output');
  const expected = calls.reduce((sum, call) => sum + 1 + (call % 40), 0);
  expect([rows.length, count, api.summary().rowsWritten.output]).toEqual([expected, expected, expected]);
  const order = rows.map(([call, row]) => [Number(call), Number(row)] as const);
  order.forEach(([call, row], index) => {
    if (row > 0) expect(order[index - 1], `row ${index}`).toEqual([call, row - 1]);
  });
});

test('an NDJSON body larger than the memory for it is stored as a whole, others go on meanwhile', async () => {
  const count = 60_000;
  const lines = async function* () {
    for (let id = 0; id < count; id++) {
      if (id === count / 2) expect(await post('/output/output', ['{"data":[{"id":"meanwhile"}]}'])).toBe(201);
      yield `{"id":${id},"text":"${'x'.repeat(60)}"}\n`;
    }
  };
  expect(await post('/output/output', lines(), NDJSON)).toBe(201);
  expect(await post('/output/output', ['{"data":[{"id":"after"}]}'])).toBe(201);
  await api.close();
  await open();
  const { rows } = await readOutput(folder, 'output');
  const ids = rows.map(([id]) => id);
  expect([ids[0], ids.at(-1), ids.length]).toEqual(['meanwhile', 'after', count + 2]);
  expect(ids.slice(1, -1).every((id, index) => id === String(index))).toBe(true);
});

test('one wrong line at the end of a large NDJSON body refuses all of it', async () => {
  const lines = function* () {
    for (let id = 0; id < 60_000; id++) yield `{"new":${id},"text":"${'x'.repeat(60)}"}\n`;
    yield '7\n{\n';
  };
  expect(await post('/output/output', lines(), NDJSON)).toBe(400);
  expect(await readOutput(folder, 'output')).toEqual({ columns: [], rows: [], count: 0 });
  await api.log.flush();
  const [entry] = (await readLog(runFolder(folder).log)).entries;
  expect(entry?.context.body).toBe(
    '{"message":"Validation failed","errors":{"data[60000]":"This value should be an object.","data[60001]":"This value is not valid JSON."}}',
  );
});

test('a small body whose rows unfold to a hundred times its size is stored', async () => {
  const name = 'n'.repeat(900);
  const row = `{"${name}":[${Array.from({ length: 100 }, () => 1).join(',')}]}`;
  const body = `{"data":[${Array.from({ length: 1500 }, () => row).join(',')}]}`;
  expect(await post('/output/output', [body])).toBe(201);
  const { columns, count } = await readOutput(folder, 'output');
  expect([columns.length, count]).toEqual([100, 1500]);
});

test('a separator that comes behind the rows counts, in bodies of any size', async () => {
  const rows = Array.from({ length: 30_000 }, (_, id) => `{"a":{"id":${id},"pad":"${'x'.repeat(300)}"}}`);
  expect(await post('/output/output', [`{"data":[${rows.join(',')}],"meta":{"separator":"."}}`])).toBe(201);
  const { columns, rows: stored } = await readOutput(folder, 'output');
  expect(columns).toEqual(['a.id', 'a.pad']);
  expect(stored.every(([id], index) => id === String(index))).toBe(true);
});

test('columns of refused calls do not stay', async () => {
  for (let call = 0; call < 30; call++) {
    const row = Object.fromEntries(Array.from({ length: 900 }, (_, index) => [`c${call}-${index}`, 1]));
    expect(await post('/output/output', [JSON.stringify({ data: [row, 5] })])).toBe(400);
  }
  expect(await post('/output/output', ['{"data":[{"id":1}]}'])).toBe(201);
  expect((await readOutput(folder, 'output')).columns).toEqual(['id']);
});

test('more than 20,000 columns are refused', async () => {
  const row = Object.fromEntries(Array.from({ length: 20_001 }, (_, index) => [`c${index}`, 1]));
  const answer = await send(api.port, 'POST', '/output/feedback', {}, JSON.stringify({ data: [row, 5] }));
  expect(answer.body).toBe(
    '{"message":"Validation failed","errors":{"data":"This output has more than 20000 columns.","data[1]":"This value should be an object."}}',
  );
});

test('one key at the same time does its work once, also after a restart', async () => {
  const key = { 'Idempotency-Key': 'k-1' };
  const body = ['{"data":[{"id":1,"s":"\\ud800"}]}'];
  const statuses = await Promise.all(Array.from({ length: 10 }, () => post('/output/output', body, key)));
  expect(new Set(statuses)).toEqual(new Set([201]));
  await api.close();
  await open();
  expect(await post('/output/output', body, key)).toBe(201);
  expect(await post('/output/output', ['{"data":[{"id":2}]}'], key)).toBe(409);
  expect(await post('/output/feedback', body, key)).toBe(409);
  expect((await readOutput(folder, 'output')).count).toBe(1);
});

test('a key of a refused call can be used again', async () => {
  const key = { 'Idempotency-Key': 'k-2' };
  expect(await post('/output/output', ['{"data":[]}'], key)).toBe(400);
  expect(await post('/output/output', ['{"data":[{"id":1}]}'], key)).toBe(201);
  const lines = ['{"id":2}\n', '{"id":3}\n'];
  expect(await post('/output/output', lines, { ...NDJSON, 'Idempotency-Key': 'k-3' })).toBe(201);
  expect(await post('/output/output', lines, { ...NDJSON, 'Idempotency-Key': 'k-3' })).toBe(201);
  expect((await readOutput(folder, 'output')).count).toBe(3);
});

test('a client that goes away in the middle of its body changes nothing', async () => {
  const request = httpRequest({ port: api.port, method: 'POST', path: '/output/output', headers: NDJSON });
  request.on('error', () => {});
  request.write(`{"id":1}\n${'{"id":2}\n'.repeat(1000)}`);
  await new Promise((resolve) => setTimeout(resolve, 50));
  request.destroy();
  expect(await post('/output/output', ['{"data":[{"id":"ok"}]}'])).toBe(201);
  expect((await readOutput(folder, 'output')).rows).toEqual([['ok']]);
});

test('closed outputs stay closed after a restart', async () => {
  expect(await post('/output/output', ['{"data":[{"id":1}]}'])).toBe(201);
  await api.closeOutputs();
  await api.close();
  await open();
  expect(await post('/output/output', ['{"data":[{"id":2}]}'])).toBe(400);
  expect(await post('/output/feedback', ['{"data":[{"id":2}]}'])).toBe(400);
});
