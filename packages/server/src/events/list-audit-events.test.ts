import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';

let server: TestServer;
let admin: TestUser;
const actor = newId();
const connector = newId();

beforeAll(async () => {
  server = await startTestServer({ SLIPWAY_RETENTION_AUDIT_DAYS: '0' });
  admin = await server.makeUser({ role: 'admin' });
  await server.server.services.db
    .insertInto('audit_events')
    .values(
      Array.from({ length: 2500 }, (_, index) => ({
        id: newId(),
        // Ten events a second, so that times repeat.
        time: new Date(Date.UTC(2020, 0, 1, 0, 0, Math.floor(index / 10))),
        actor_id: index < 3 ? actor : null,
        actor_name: 'Somebody',
        actor_kind: 'user',
        action: index % 2 ? 'secret_put' : 'connector_create',
        entity_type: 'connector',
        entity_id: String(index),
        entity_name: null,
        connector_id: index < 5 ? connector : null,
        changes: JSON.stringify([{ path: 'name', from: null, to: `line\nbreak ${index}` }]),
        request_id: 'r',
        ip: '::1',
      })),
    )
    .execute();
});

const list = (query = '', headers: Record<string, string> = {}) =>
  server.request('GET', `/audit-events${query}`, { token: admin.token, headers });
const ids = async (query: string): Promise<number[]> => {
  const { body } = await list(query);
  return body.data.map(({ entity }: { entity: { id: string } }) => Number(entity.id));
};
/** The events made above are the ones before this time. */
/** Events of long ago, which are kept for ever here. */
const past = 'until=2020-12-31T00:00:00Z';

test('an event shows who did what to which entity', async () => {
  const { body } = await list(`?connector=${connector}&entity-id=2`);
  expect(JSON.stringify(body.data)).toBe(
    JSON.stringify([
      {
        id: body.data[0].id,
        time: '2020-01-01T00:00:00+00:00',
        actor: { uuid: actor, name: 'Somebody', kind: 'user' },
        action: 'connector_create',
        entity: { type: 'connector', id: '2', name: null },
        connector,
        changes: [{ path: 'name', from: null, to: 'line\nbreak 2' }],
        'request-id': 'r',
        ip: '::1',
      },
    ]),
  );
  expect(body).toMatchObject({ message: 'successful operation', resource: 'audit-event' });
});

test('filters by actor, connector, action, entity and time', async () => {
  expect(await ids(`?actor=${actor}`)).toEqual([2, 1, 0]);
  expect(await ids(`?connector=${connector.toUpperCase()}`)).toEqual([4, 3, 2, 1, 0]);
  expect(await ids(`?action=secret_put&connector=${connector}`)).toEqual([3, 1]);
  expect(await ids('?entity-type=connector&entity-id=17')).toEqual([17]);
  expect(await ids('?entity-type=secret&entity-id=17')).toEqual([]);
  expect(await ids('?since=2020-01-01T00:00:01Z&until=2020-01-01T00:00:02Z')).toEqual([
    19, 18, 17, 16, 15, 14, 13, 12, 11, 10,
  ]);
  // The same second in another zone, its plus sent as it is.
  expect(await ids('?since=2020-01-01T02:00:01+02:00&until=2020-01-01T02:00:02+02:00')).toHaveLength(10);
});

test('goes on from page to page, with its filters', async () => {
  const seen: number[] = [];
  let next: string | null = `/audit-events?limit=700&${past}`;
  while (next !== null) {
    const { body } = await server.request('GET', next, { token: admin.token });
    seen.push(...body.data.map(({ entity }: { entity: { id: string } }) => Number(entity.id)));
    expect(body.metadata.total).toBe(2500);
    next = body.metadata.next;
  }
  expect(seen).toEqual(Array.from({ length: 2500 }, (_, index) => 2499 - index));
});

describe('as newline-delimited JSON', () => {
  const stream = (query: string) => list(query, { accept: 'application/x-ndjson' });
  const lines = (text: string): number[] =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => Number(JSON.parse(line).entity.id));

  test('is everything that matches, a line each', async () => {
    const answer = await stream(`?${past}`);
    expect(answer.headers.get('content-type')).toBe('application/x-ndjson');
    expect(answer.text.endsWith('}\n')).toBe(true);
    expect(lines(answer.text)).toEqual(Array.from({ length: 2500 }, (_, index) => 2499 - index));
  });

  test('is as much as was asked for', async () => {
    expect(lines((await stream(`?${past}&limit=3&from=10`)).text)).toEqual([2489, 2488, 2487]);
    const first = await list(`?${past}&limit=1000`);
    const after = new URLSearchParams(first.body.metadata.next.split('?')[1]).get('after');
    expect(lines((await stream(`?${past}&after=${after}`)).text)).toHaveLength(1500);
    expect((await stream('?entity-id=none')).text).toBe('');
  });

  test('refuses a cursor that is none', async () => {
    const answer = await stream('?after=x');
    expect(answer.status).toBe(400);
    expect(answer.body.errors).toEqual({ after: 'This value is not valid.' });
  });
});

test.each<[string, Record<string, string>]>([
  ['?actor=me', { actor: 'This is not a valid UUID.' }],
  ['?connector=1', { connector: 'This is not a valid UUID.' }],
  ['?since=yesterday', { since: 'This value is not a valid time.' }],
  [
    '?since=2020-02-30T00:00:00Z&until=2020-01-01',
    { since: 'This value is not a valid time.', until: 'This value is not a valid time.' },
  ],
  ['?action=a%00b', { action: 'This value is not valid.' }],
])('%s is refused', async (query, errors) => {
  const answer = await list(query);
  expect(answer.status).toBe(400);
  expect(answer.body).toEqual({ message: 'Bad request.', errors });
});
