import type { ServerResponse } from 'node:http';
import { expect, test } from 'vitest';
import { createClient } from '../src/index.ts';
import { answer, serve } from './support/server.ts';

const begin = (response: ServerResponse) => response.writeHead(200, { 'content-type': 'text/event-stream' });
const log = (number: number, message = 'x') =>
  `id: ${number}\nevent: log\ndata: ${JSON.stringify({ number, message })}\n\n`;
const end = 'event: end\ndata: {"status":"finished"}\n\n';

async function all<T>(events: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const event of events) found.push(event);
  return found;
}

const numbers = (events: readonly { event: string; id?: number }[]) =>
  events.map(({ event, id }) => (id === undefined ? event : id));

test('a log is followed to its end, past comments and cut characters', async () => {
  const bytes = new TextEncoder().encode(`: \n\n${log(1, 'Tür 🛒')}: \n\n${log(2)}${end}`);
  const { url, received } = await serve(async (response) => {
    begin(response);
    for (const byte of bytes) {
      response.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  });
  const events = await all(
    createClient({ url })
      .runLogs({ runId: 'x', query: { level: 'info' } })
      .follow(),
  );
  expect(events).toEqual([
    { event: 'log', id: 1, data: { number: 1, message: 'Tür 🛒' } },
    { event: 'log', id: 2, data: { number: 2, message: 'x' } },
    { event: 'end', data: { status: 'finished' } },
  ]);
  expect([received[0]?.url, received[0]?.headers.accept]).toEqual([
    '/runs/x/logs?level=info',
    'text/event-stream',
  ]);
});

test('a stream that breaks, closes or can not be opened for a while goes on behind its last line', async () => {
  const { url, received } = await serve((response, _, index) => {
    if (index === 1) return response.socket?.destroy();
    if (index === 2)
      return answer(response, 503, { message: 'Service unavailable.' }, { 'retry-after': '0' });
    begin(response);
    if (index === 0) {
      response.write(log(1) + log(2));
      return void setTimeout(() => response.socket?.destroy(), 20);
    }
    if (index === 3) return response.end(log(3));
    response.end(log(4) + end);
  });
  expect(numbers(await all(createClient({ url }).buildLogs({ buildId: 'x' }).follow()))).toEqual([
    1,
    2,
    3,
    4,
    'end',
  ]);
  expect(received.map(({ headers }) => headers['last-event-id'])).toEqual([undefined, '2', '2', '2', '3']);
});

test('half an event that came before the break is not given twice', async () => {
  const { url } = await serve((response, _, index) => {
    begin(response);
    if (index > 0) return response.end(log(2) + end);
    response.write(log(1) + log(2).slice(0, -2));
    setTimeout(() => response.socket?.destroy(), 20);
  });
  expect(numbers(await all(createClient({ url }).runLogs({ runId: 'x' }).follow()))).toEqual([1, 2, 'end']);
});

test('whoever knows some lines begins behind them', async () => {
  const { url, received } = await serve((response) => begin(response).end(log(8) + end));
  await all(createClient({ url }).stateEvents({ stateId: 'x' }).follow(7));
  expect(received[0]?.headers['last-event-id']).toBe('7');
});

test('a refusal ends following, at first and when the stream is opened again', async () => {
  const { url } = await serve((response, _, index) => {
    if (index === 0) return begin(response).end(log(1));
    answer(response, 403, { message: 'Access denied for user.' });
  });
  const events = createClient({ url }).runLogs({ runId: 'x' }).follow();
  expect((await events.next()).value).toMatchObject({ id: 1 });
  await expect(events.next()).rejects.toMatchObject({ status: 403, message: 'Access denied for user.' });
});

test('a reader who leaves closes the connection, and one who is stopped gets the reason', async () => {
  let closed = 0;
  const { url } = await serve((response) => {
    begin(response).write(log(1));
    response.on('close', () => {
      closed += 1;
    });
  });
  const client = createClient({ url });
  for await (const event of client.runLogs({ runId: 'x' }).follow()) if (event) break;
  await expect.poll(() => closed).toBe(1);
  const stop = new AbortController();
  const events = client.runLogs({ runId: 'x' }, { signal: stop.signal }).follow();
  await events.next();
  setTimeout(() => stop.abort(new Error('Enough.')), 10);
  await expect(events.next()).rejects.toThrow('Enough.');
  await expect.poll(() => closed).toBe(2);
});
