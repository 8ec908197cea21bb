import { createHmac } from 'node:crypto';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { EgressPolicy } from '@slipway/engine';
import { sql } from 'kysely';
import { afterAll, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestUser } from '../../test/support/server.ts';
import { eventually } from '../../test/support/wait.ts';
import { newId } from '../ids.ts';
import { send, signatureOf } from './send.ts';
import { delays, tidyDeliveries } from './webhook-worker.ts';

interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
}

const received: Received[] = [];
/** Answers with the status that the path names, and redirects to a place that must stay unvisited. */
const sink = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const path = request.url as string;
    received.push({ path, headers: request.headers, body: Buffer.concat(chunks).toString() });
    const status = Number(path.split('/')[1]);
    if (status === 302) response.setHeader('location', '/200/redirected');
    response.statusCode = status;
    response.end(`answer ${'x'.repeat(2000)}`);
  });
});
await new Promise<void>((resolve) => sink.listen(0, '127.0.0.1', resolve));
afterAll(() => sink.close());
const sinkUrl = `http://127.0.0.1:${(sink.address() as AddressInfo).port}`;

const server = await startTestServer();
const { services } = server.server;
const { db } = services;
const open = new EgressPolicy({ allowLoopback: true });
Object.assign(services.git.settings, { egress: open });

async function makeHook(
  user: TestUser,
  path: string,
  events = ['*'],
): Promise<{ id: string; secret: string }> {
  const { status, text, body } = await server.request('POST', '/webhooks', {
    token: user.token,
    body: { name: `Hook ${newId()}`, url: sinkUrl + path, events },
  });
  expect(status, text).toBe(201);
  return body.data;
}

const deliveries = async (user: TestUser, hook: string, query = '') =>
  (await server.request('GET', `/webhooks/${hook}/deliveries${query}`, { token: user.token })).body.data;

async function bin(user: TestUser): Promise<string> {
  const { id } = await makeConnector(server, user);
  const { status } = await server.request('PATCH', `/connectors/${id}/move-to-bin`, { token: user.token });
  expect(status).toBe(200);
  return id;
}

test('an event is posted with its signature, and recorded as delivered', async () => {
  const user = await server.makeUser();
  const path = `/200/${newId()}`;
  const hook = await makeHook(user, path, ['connector.binned', 'connector.restored']);
  const connector = await bin(user);
  await eventually(
    () => deliveries(user, hook.id),
    ([delivery]) => delivery?.status === 'delivered',
  );
  const [delivery] = await deliveries(user, hook.id);
  expect(delivery).toEqual({
    id: expect.any(String),
    webhook: hook.id,
    event: 'connector.binned',
    status: 'delivered',
    attempts: 1,
    'response-status': 200,
    'response-body': `answer ${'x'.repeat(993)}`,
    'next-attempt-at': null,
    'delivered-at': expect.any(String),
    'created-at': expect.any(String),
    payload: {
      id: expect.any(String),
      type: 'connector.binned',
      time: expect.stringMatching(/\+00:00$/),
      data: expect.objectContaining({ id: connector, versions: [] }),
    },
  });
  const [message] = received.filter((one) => one.path === path);
  const { headers, body } = message as Received;
  expect(JSON.parse(body)).toEqual(delivery.payload);
  expect(headers['webhook-id']).toBe(delivery.payload.id);
  const key = Buffer.from(hook.secret.slice('whsec_'.length), 'base64');
  const signed = createHmac('sha256', key)
    .update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`)
    .digest('base64');
  expect(headers['webhook-signature']).toBe(`v1,${signed}`);
  await server.request('PATCH', `/connectors/${connector}/restore-from-bin`, { token: user.token });
  const all = await eventually(
    () => deliveries(user, hook.id),
    (found) => found.length === 2,
  );
  expect(all.map(({ event }: { event: string }) => event)).toEqual([
    'connector.restored',
    'connector.binned',
  ]);
});

test('only webhooks of the owner that want the event, and are active, hear of it', async () => {
  const [user, other] = [await server.makeUser(), await server.makeUser()];
  const path = `/200/${newId()}`;
  const heard = await makeHook(user, path);
  const unwanted = await makeHook(user, path, ['run.failed']);
  const foreign = await makeHook(other, path);
  const idle = await makeHook(user, path);
  await server.request('PATCH', `/webhooks/${idle.id}`, { token: user.token, body: { active: false } });
  await bin(user);
  expect(await deliveries(user, heard.id)).toHaveLength(1);
  expect(await deliveries(user, unwanted.id)).toEqual([]);
  expect(await deliveries(user, idle.id)).toEqual([]);
  expect(await deliveries(other, foreign.id)).toEqual([]);
});

test.each([500, 404, 302])(
  'after an answer %i it is tried again after 10 s, and 8 times in all',
  async (status) => {
    expect(delays).toEqual([10, 60, 300, 1800, 7200, 21_600, 43_200]);
    const user = await server.makeUser();
    const hook = await makeHook(user, `/${status}/${newId()}`);
    await bin(user);
    const [first] = await eventually(
      () => deliveries(user, hook.id),
      ([delivery]) => delivery?.['response-status'] === status,
    );
    expect(first).toMatchObject({ status: 'pending', attempts: 1, 'delivered-at': null });
    const wait = (Date.parse(first['next-attempt-at']) - Date.parse(first['created-at'])) / 1000;
    expect(wait).toBeGreaterThanOrEqual(9);
    expect(wait).toBeLessThanOrEqual(15);
    // The eighth attempt, whose job was lost.
    await sql`UPDATE webhook_deliveries SET attempts = 7, next_attempt_at = now() - interval '1 minute'
    WHERE id = ${first.id}`.execute(db);
    await sql`DELETE FROM pgboss.job WHERE name = 'webhook' AND state = 'created'`.execute(db);
    await tidyDeliveries(services);
    const [last] = await eventually(
      () => deliveries(user, hook.id),
      ([delivery]) => delivery?.status === 'failed',
    );
    expect(last).toMatchObject({ attempts: 8, 'response-status': status, 'next-attempt-at': null });
    expect(received.some(({ path }) => path === '/200/redirected')).toBe(false);
    expect(await deliveries(user, hook.id, '?status=delivered')).toEqual([]);
    expect(await deliveries(user, hook.id, '?status=failed')).toHaveLength(1);
  },
);

test('a delivery is repeated with the same id and payload', async () => {
  const user = await server.makeUser();
  const hook = await makeHook(user, `/200/${newId()}`);
  await bin(user);
  const [first] = await eventually(
    () => deliveries(user, hook.id),
    ([delivery]) => delivery?.status === 'delivered',
  );
  const again = (delivery: string) =>
    server.request('POST', `/webhooks/${hook.id}/deliveries/${delivery}/redeliver`, { token: user.token });
  const answer = await again(first.id);
  expect([answer.status, answer.body]).toEqual([202, { message: 'Delivery will be repeated.' }]);
  const [second] = await eventually(
    () => deliveries(user, hook.id),
    (found) => found.length === 2 && found[0].status === 'delivered',
  );
  expect(second.id).not.toBe(first.id);
  expect(second.payload).toEqual(first.payload);
  const missing = await again(newId());
  expect([missing.status, missing.body]).toEqual([404, { message: 'Delivery not found.' }]);
  await server.request('PATCH', `/webhooks/${hook.id}`, { token: user.token, body: { active: false } });
  expect((await again(first.id)).body).toEqual({ message: 'Webhook is not active.', errors: [] });
});

test('deliveries are kept for 30 days', async () => {
  const user = await server.makeUser();
  const hook = await makeHook(user, `/200/${newId()}`);
  await bin(user);
  const [delivery] = await eventually(
    () => deliveries(user, hook.id),
    ([one]) => one?.status === 'delivered',
  );
  const age = (days: number) =>
    sql`UPDATE webhook_deliveries SET created_at = now() - make_interval(days => ${days}) WHERE id = ${delivery.id}`.execute(
      db,
    );
  await age(29);
  await tidyDeliveries(services);
  expect(await deliveries(user, hook.id)).toHaveLength(1);
  await age(31);
  await tidyDeliveries(services);
  expect(await deliveries(user, hook.id)).toEqual([]);
});

const message = { url: sinkUrl, id: newId(), body: '{}', secret: 'whsec_c2VjcmV0' };

test('the address that is connected to is checked', async () => {
  const closed = new EgressPolicy();
  expect(await send({ ...message, url: `${sinkUrl}/200` }, closed)).toEqual({
    status: null,
    body: 'The address of 127.0.0.1 is not allowed.',
  });
  const { port } = new URL(sinkUrl);
  expect(await send({ ...message, url: `http://localhost:${port}/200` }, closed)).toEqual({
    status: null,
    body: 'The address of localhost is not allowed.',
  });
  expect((await send({ ...message, url: `http://localhost:${port}/200` }, open)).status).toBe(200);
});

test('no answer is an outcome too', async () => {
  const { status, body } = await send({ ...message, url: 'http://127.0.0.1:1/' }, open);
  expect(status).toBeNull();
  expect(body).toContain('ECONNREFUSED');
});

test('the signature is that of Standard Webhooks', () => {
  const given = {
    url: '',
    id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    body: '{"test": 2432232314}',
    secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  };
  expect(signatureOf(given, 1614265330)).toBe('v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=');
});
