import { expect, test } from 'vitest';
import { startTestServer } from '../../test/support/server.ts';
import { newId } from '../ids.ts';
import { requestsPerMinute } from './rate-limit.ts';

const server = await startTestServer({}, { requestsPerMinute: 5 });
const { db } = server.server.services;

test('a token may send so many requests a minute, and no more', async () => {
  expect(requestsPerMinute).toBe(600);
  const user = await server.makeUser();
  const ask = (token = user.token) => server.request('GET', '/connectors', { token });
  for (let sent = 0; sent < 5; sent++) expect((await ask()).status).toBe(200);
  const over = await ask();
  expect([over.status, over.body]).toEqual([429, { message: 'Too many requests.' }]);
  const seconds = Number(over.headers.get('retry-after'));
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(60);
  expect((await ask((await server.makeUser()).token)).status).toBe(200);
});

test('the limit comes behind the token and before role and scope', async () => {
  const viewer = await server.makeUser({ role: 'viewer' });
  const create = (token: string) => server.request('POST', '/connectors', { token, body: {} });
  for (let sent = 0; sent < 5; sent++) expect((await create(viewer.token)).status).toBe(403);
  expect((await create(viewer.token)).status).toBe(429);
  for (let sent = 0; sent < 7; sent++) expect((await create('slw_wrong')).status).toBe(401);
  for (let sent = 0; sent < 7; sent++) expect((await server.request('GET', '/health/live')).status).toBe(200);
});

const refusals = (actor: string) =>
  db
    .selectFrom('audit_events')
    .select(['entity_type', 'entity_id', 'connector_id', 'changes', 'request_id'])
    .where('action', '=', 'system.refused')
    .where('actor_id', '=', actor)
    .orderBy('id')
    .execute();

test('refusals are on record, once a minute for each operation', async () => {
  const viewer = await server.makeUser({ role: 'viewer' });
  const id = newId();
  const bin = () =>
    server.request('PATCH', `/connectors/${id}/move-to-bin`, {
      token: viewer.token,
      headers: { 'x-request-id': 'refused-1' },
    });
  for (let sent = 0; sent < 3; sent++) expect((await bin()).status).toBe(403);
  await server.request('GET', '/audit-events', { token: viewer.token });
  expect(await refusals(viewer.id)).toEqual([
    {
      entity_type: 'connector',
      entity_id: id,
      connector_id: id,
      changes: [{ path: 'operation', from: null, to: 'connector_move_to_bin' }],
      request_id: 'refused-1',
    },
    {
      entity_type: 'audit-event',
      entity_id: '',
      connector_id: null,
      changes: [{ path: 'operation', from: null, to: 'audit_event_list' }],
      request_id: expect.stringMatching(/^[\w-]{36}$/),
    },
  ]);
});
