import { beforeAll, describe, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startTestServer();
});

const list = (user: TestUser, query = '') =>
  server.request('GET', `/connectors${query}`, { token: user.token });
const names = (answer: Awaited<ReturnType<typeof list>>): string[] =>
  answer.body.data.map(({ name }: { name: string }) => name);

describe('queries', () => {
  test.each([
    ['?type=source', { type: 'The value you selected is not a valid choice.' }],
    ['?released=yes', { released: 'This value should be true or false.' }],
    ['?from=-1', { from: 'This value should be greater than or equal to 0.' }],
    ['?from=a', { from: 'This value should be greater than or equal to 0.' }],
    ['?limit=0', { limit: 'This value should be between 1 and 1000.' }],
    ['?limit=1001', { limit: 'This value should be between 1 and 1000.' }],
    ['?limit=', { limit: 'This value should be between 1 and 1000.' }],
    ['?after=nonsense', { after: 'This value is not valid.' }],
    ['?after=WzEsMiwzXQ', { after: 'This value is not valid.' }],
    [
      '?type=x&released=y',
      {
        type: 'The value you selected is not a valid choice.',
        released: 'This value should be true or false.',
      },
    ],
  ])('%s is refused', async (query, errors) => {
    const answer = await list(await server.makeUser(), query);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  });

  test('an owner that is no uuid is refused with a sentence', async () => {
    const answer = await list(await server.makeUser(), '?owners=me');
    expect(answer.text).toBe('{"message":"Invalid connector user identifier.","errors":[]}');
  });

  test('unknown ones are ignored', async () => {
    expect((await list(await server.makeUser(), '?colour=red')).status).toBe(200);
  });
});

test('filters by type, by part of the name in any case, by owner and by release', async () => {
  const organization = await server.makeOrganization();
  const user = await server.makeUser({ organizations: [organization] });
  await makeConnector(server, user, { type: 'export', name: 'Shop 100%' });
  await makeConnector(server, user, { type: 'datasource', name: 'shop_a', version: { released: true } });
  const own = await server.request('POST', '/connectors', {
    token: user.token,
    body: { 'connector-type': 'datasource', 'connector-name': 'Mine', owner: user.id },
  });
  expect(own.status).toBe(201);
  expect(names(await list(user))).toEqual(['Mine', 'shop_a', 'Shop 100%']);
  expect(names(await list(user, '?type=export'))).toEqual(['Shop 100%']);
  expect(names(await list(user, '?name=SHOP'))).toEqual(['shop_a', 'Shop 100%']);
  expect(names(await list(user, '?name=%25'))).toEqual(['Shop 100%']);
  expect(names(await list(user, '?name=p_a'))).toEqual(['shop_a']);
  expect(names(await list(user, `?owners=${user.id}`))).toEqual(['Mine']);
  expect(names(await list(user, `?owners=${user.id},${organization}`))).toHaveLength(3);
  expect(names(await list(user, `?owners=${user.id}&owners=${organization}`))).toHaveLength(3);
  expect(names(await list(user, '?released=true'))).toEqual(['shop_a']);
  expect(names(await list(user, '?released=false'))).toEqual(['Mine', 'Shop 100%']);
});

test('others see nothing of it, a viewer of the owner and an admin do', async () => {
  const organization = await server.makeOrganization();
  const member = await server.makeUser({ organizations: [organization] });
  const { id } = await makeConnector(server, member);
  const ids = async (user: TestUser) =>
    (await list(user, '?limit=1000')).body.data.map((connector: { id: string }) => connector.id);
  expect(await ids(await server.makeUser())).toEqual([]);
  expect(await ids(await server.makeUser({ role: 'viewer', organizations: [organization] }))).toEqual([id]);
  expect(await ids(await server.makeUser({ role: 'admin' }))).toContain(id);
});

test('pages by cursor: nothing is skipped or doubled while others create', async () => {
  const user = await server.makeUser();
  for (let index = 0; index < 7; index += 1) await makeConnector(server, user, { name: `c${index}` });
  const seen: string[] = [];
  let next: string | null = '/connectors?limit=3&type=datasource';
  let pages = 0;
  while (next) {
    const answer = await server.request('GET', next, { token: user.token });
    expect(answer.body.metadata).toMatchObject({ limit: 3, from: pages * 3 });
    seen.push(...names(answer));
    next = answer.body.metadata.next;
    if (next) expect(next).toMatch(/^\/connectors\?limit=3&type=datasource&after=[\w-]+$/);
    pages += 1;
    await makeConnector(server, user, { name: `later${pages}` });
  }
  expect(pages).toBe(3);
  expect(seen).toEqual(['c6', 'c5', 'c4', 'c3', 'c2', 'c1', 'c0']);
});

test('pages by position', async () => {
  const user = await server.makeUser();
  for (const name of ['a', 'b', 'c']) await makeConnector(server, user, { name });
  const answer = await list(user, '?from=1&limit=1');
  expect(names(answer)).toEqual(['b']);
  expect(answer.body.metadata).toMatchObject({ from: 1, limit: 1, count: 1, total: 3 });
  const beyond = await list(user, '?from=9');
  expect(beyond.body.metadata).toEqual({ from: 9, limit: 100, count: 0, total: 3, next: null });
});

test('routes: a trailing slash is none, another method names the allowed ones, HEAD is answered', async () => {
  const { token } = await server.makeUser();
  const slash = await server.request('GET', '/connectors/', { token });
  expect([slash.status, slash.text]).toEqual([404, '{"message":"Resource not found."}']);
  const method = await server.request('DELETE', '/connectors', { token });
  expect([method.status, method.text]).toEqual([405, '{"message":"Method not allowed."}']);
  expect(method.headers.get('allow')).toBe('GET, POST, HEAD');
  const head = await server.request('HEAD', '/connectors', { token });
  expect([head.status, head.text]).toEqual([200, '']);
});

test('every answer carries its request id and is not cached', async () => {
  const { token } = await server.makeUser();
  const given = await server.request('GET', '/connectors', { token, headers: { 'x-request-id': 'my-id.1' } });
  expect(given.headers.get('x-request-id')).toBe('my-id.1');
  expect(given.headers.get('cache-control')).toBe('no-store');
  expect(given.headers.get('content-type')).toBe('application/json; charset=utf-8');
  const wrong = await server.request('GET', '/nowhere', { headers: { 'x-request-id': 'not valid' } });
  expect(wrong.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
});
