import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runFolder } from '@slipway/container-api';
import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
  endOfRun,
  grant,
  localRepositories,
} from '../../test/support/deployed.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { messageShipper } from './message-shipper.ts';

/** Says things to its user and counts its runs in a checkpoint; fails when it is told to. */
const script = `
const api = process.env.CONTAINER_API_URL;
const call = async (method, path, body) => {
  const answer = await fetch(api + path, { method, body: body && JSON.stringify(body) });
  if (answer.status >= 400 && answer.status !== 404) throw new Error(path + ' answered ' + answer.status);
  return answer;
};
const known = await call('GET', '/state/runs');
const runs = known.status === 200 ? (await known.json()).data.value + 1 : 1;
await call('PUT', '/state/runs', { value: runs });
await call('PUT', '/state/calls?commit=now', { value: { run: runs } });
await call('PUT', '/state/gone?commit=now', { value: 1 });
await call('DELETE', '/state/gone?commit=now');
await call('POST', '/notifications/warning', { message: 'Run ' + runs + '.' });
await call('POST', '/notifications/success', { message: 'Done.' });
const event = (code, item) => ({ code, message: code + ' of ' + item, 'item-id': item, context: { run: runs } });
await call('POST', '/event-log', { events: [event('ERROR_PRICE', 'a'), event('WARNING_TITLE', 'a')] });
await call('POST', '/event-log', { events: Array.from({ length: 150 }, (_, item) => event('ERROR_PRICE', item)) });
await call('POST', '/event-log', { events: [event('SEEN', 'x')] });
await call('POST', '/output/output', { data: [{ id: 1 }] });
if (process.env.MODE === 'fail') process.exit(3);
`;

let server: TestServer;
let user: TestUser;
let digest: string;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  digest = await buildScript(server, script);
});

const deployed = async (): Promise<DeployedConnector> => {
  const connector = await deploy(server, user, digest, { fields: [{ option: 'mode', default: 'rows' }] });
  await grant(server, user, 'site', connector.site, 'write');
  return connector;
};
const get = async (path: string, as = user) => (await server.request('GET', path, { token: as.token })).body;

async function processed({ site }: DeployedConnector) {
  const answer = await server.request('POST', `/platform/sites/${site}/processes`, {
    token: user.token,
    body: { action: 'import' },
  });
  return endOfProcess(server, user, site, answer.body.data.process_id);
}

async function ranByHand(connector: DeployedConnector, mode: string) {
  const answer = await server.request('POST', '/runs', {
    token: user.token,
    body: { connector: connector.id, values: { mode } },
  });
  const { data } = answer.body;
  const run = await endOfRun(server, user, data.run.uuid);
  await endOfProcess(server, user, connector.site, data['process-id']);
  return run;
}

const checkpointsOf = async ({ id }: DeployedConnector) =>
  (
    await sql<{ key: string; version: number; value: string; deleted: boolean }>`
      SELECT key, version, value, deleted FROM checkpoints WHERE connector_id = ${id}
      ORDER BY key, version`.execute(server.server.services.db)
  ).rows.map(({ key, version, value, deleted }) => [key, version, value, deleted]);

test('what a connector tells its user stands in the notification panel, unread for everybody until they read it', async () => {
  const connector = await deployed();
  const { id: process } = await processed(connector);
  const list = `/platform/sites/${connector.site}/notifications`;
  const { data, metadata } = await get(list);
  expect(metadata.total).toBe(2);
  expect(data).toEqual([
    {
      id: expect.any(Number),
      level: 'success',
      message: 'Done.',
      source: 'Test connector',
      'process-id': process,
      'run-id': expect.any(String),
      read: false,
      'created-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/),
    },
    expect.objectContaining({ level: 'warning', message: 'Run 1.', read: false }),
  ]);
  const colleague = await server.makeUser();
  await grant(server, colleague, 'site', connector.site, 'read');
  const read = (body: unknown, as = user) =>
    server.request('POST', `${list}/read`, { token: as.token, body });
  const marked = await read({ 'up-to': data[1].id });
  expect([marked.status, marked.body]).toEqual([200, { message: 'Notifications marked as read.' }]);
  expect((await get(`${list}?read=false`)).data.map(({ message }: { message: string }) => message)).toEqual([
    'Done.',
  ]);
  expect((await get(`${list}?read=true`)).data).toHaveLength(1);
  expect((await get(`${list}?read=false`, colleague)).data).toHaveLength(2);
  await read({});
  // What was read stays read.
  await read({ 'up-to': 1 });
  expect((await get(`${list}?read=false`)).data).toEqual([]);
  expect((await get(`${list}?level=warning&process-id=${process}`)).data).toHaveLength(1);
  for (const wrong of [0, -1]) {
    const refused = await read({ 'up-to': wrong });
    expect([refused.status, refused.body.errors]).toEqual([
      400,
      { 'up-to': 'This value should be greater than 0.' },
    ]);
  }
});

test('events about items are counted by code and process, with the first 100 of each code', async () => {
  const connector = await deployed();
  const first = await processed(connector);
  const errors = `/platform/sites/${connector.site}/errors`;
  const { data, metadata } = await get(errors);
  expect(metadata).toMatchObject({ limit: 50, total: 3 });
  const byCode = Object.fromEntries(data.map((error: { code: string }) => [error.code, error]));
  expect(byCode.ERROR_PRICE).toMatchObject({
    'process-id': first.id,
    message: 'ERROR_PRICE of a',
    type: 'error',
    classification: 'high',
    count: 151,
  });
  const { samples } = byCode.ERROR_PRICE.data;
  expect(samples).toHaveLength(100);
  expect(samples[0]).toEqual({ message: 'ERROR_PRICE of a', 'item-id': 'a', context: { run: 1 } });
  expect(samples[99]['item-id']).toBe('98');
  expect(byCode.WARNING_TITLE).toMatchObject({ type: 'warning', classification: 'medium', count: 1 });
  expect(byCode.SEEN).toMatchObject({ type: 'info', classification: 'low', count: 1 });
  expect((await get(`${errors}?type=warning`)).data).toHaveLength(1);

  const second = await processed(connector);
  expect((await get(errors)).data.map((error: { 'process-id': string }) => error['process-id'])).toEqual(
    Array.from({ length: 3 }, () => second.id),
  );
  expect((await get(`${errors}?process-id=${first.id}`)).data).toHaveLength(3);
});

test('messages that are shipped again after a lost worker are there once', async () => {
  const connector = await deployed();
  const { id: process, steps } = await processed(connector);
  const run = String(steps[0]?.run);
  const { services } = server.server;
  const folder = runFolder(await services.storage.folder('runs', run));
  const origin = { site: connector.site, process, run, source: 'Test connector' };
  await messageShipper(services, origin, folder)();
  await mkdir(dirname(folder.notifications), { recursive: true });
  const more = { time: '2026-05-11T10:15:00+00:00', level: 'error', message: 'Late.' };
  await appendFile(folder.notifications, `${JSON.stringify(more)}\n{"time":"torn`);
  await Promise.all([messageShipper(services, origin, folder)(), messageShipper(services, origin, folder)()]);
  const { data } = await get(`/platform/sites/${connector.site}/notifications`);
  expect(data.map(({ message }: { message: string }) => message)).toEqual(['Late.', 'Done.', 'Run 1.']);
  const { data: errors } = await get(`/platform/sites/${connector.site}/errors?type=error`);
  expect(errors[0].count).toBe(151);
});

test('checkpoints go from run to run with the take-over, and are dropped where nothing is taken over', async () => {
  const connector = await deployed();
  expect((await processed(connector)).status).toBe('success');
  expect(await checkpointsOf(connector)).toEqual([
    ['calls', 1, '{"run":1}', false],
    ['gone', 1, '1', true],
    ['runs', 1, '1', false],
  ]);
  expect((await processed(connector)).status).toBe('success');
  expect(await checkpointsOf(connector)).toEqual([
    ['calls', 1, '{"run":1}', false],
    ['calls', 2, '{"run":2}', false],
    ['gone', 1, '1', true],
    ['gone', 2, '1', true],
    ['runs', 1, '1', false],
    ['runs', 2, '2', false],
  ]);
  // A run by hand sees them; what it changes stays only where it was to be permanent at once.
  expect((await ranByHand(connector, 'rows')).state).toBe('finished');
  expect((await ranByHand(connector, 'fail')).state).toBe('failed');
  const now = await checkpointsOf(connector);
  expect(now.filter(([key]) => key === 'runs').at(-1)).toEqual(['runs', 2, '2', false]);
  expect(now.filter(([key]) => key === 'calls').at(-1)).toEqual(['calls', 4, '{"run":3}', false]);
});

test('checkpoints are each connector’s own, and 20 versions of a key are kept', async () => {
  const connector = await deployed();
  const other = await deployed();
  await processed(connector);
  const { db } = server.server.services;
  const source = `data-source:${connector.source}`;
  await sql`
    INSERT INTO checkpoints (connector_id, place, environment, key, version, value, run_id, updated_at)
    SELECT ${connector.id}, ${source}, 'dev', 'runs', n, n::text, gen_random_uuid(), now()
    FROM generate_series(2, 20) n`.execute(db);
  await processed(connector);
  const runs = (await checkpointsOf(connector)).filter(([key]) => key === 'runs');
  expect(runs).toHaveLength(20);
  expect([runs[0]?.[1], runs.at(-1)]).toEqual([2, ['runs', 21, '21', false]]);
  await processed(other);
  expect((await checkpointsOf(other)).find(([key]) => key === 'runs')).toEqual(['runs', 1, '1', false]);
});

test('checkpoints go away with the data source they belong to', async () => {
  const connector = await deployed();
  await processed(connector);
  expect(await checkpointsOf(connector)).not.toEqual([]);
  const path = `/platform/sites/${connector.site}/data-sources/${connector.source}`;
  const answer = await server.request('DELETE', path, { token: user.token });
  expect(answer.status, answer.text).toBe(204);
  expect(await checkpointsOf(connector)).toEqual([]);
});
