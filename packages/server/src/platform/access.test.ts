import { beforeAll, describe, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { grant, makeAccountWithSite } from '../../test/support/deployed.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let admin: TestUser;
let place: { account: number; project: number; site: number };
let users: Record<'none' | 'read' | 'write' | 'admin', TestUser>;

beforeAll(async () => {
  server = await startTestServer();
  admin = await server.makeUser({ role: 'admin' });
  place = await makeAccountWithSite(server);
  users = {
    none: await server.makeUser(),
    read: await server.makeUser({ role: 'viewer' }),
    write: await server.makeUser({ role: 'viewer' }),
    admin: await server.makeUser(),
  };
  await grant(server, users.read, 'account', place.account, 'read');
  await grant(server, users.write, 'account', place.account, 'write');
  await grant(server, users.admin, 'account', place.account, 'admin');
});

const denied = { message: 'Access denied for user.' };

describe('rights of chapter 6', () => {
  // Statuses for: no right, read, write, account admin.
  test.each([
    ['GET', '/platform/accounts/{account}', undefined, [404, 200, 200, 200]],
    ['GET', '/platform/accounts/{account}/projects', undefined, [404, 200, 200, 200]],
    ['POST', '/platform/accounts/{account}/projects', { name: 'P' }, [404, 403, 403, 201]],
    ['GET', '/platform/projects/{project}', undefined, [404, 200, 200, 200]],
    ['GET', '/platform/projects/{project}/sites', undefined, [404, 200, 200, 200]],
    ['POST', '/platform/projects/{project}/sites', { name: 'S' }, [404, 403, 403, 201]],
    ['GET', '/platform/sites', undefined, [200, 200, 200, 200]],
    ['GET', '/platform/accounts', undefined, [200, 200, 200, 200]],
    ['POST', '/platform/accounts', { name: 'A' }, [403, 403, 403, 403]],
    ['GET', '/platform/sites/{site}', undefined, [404, 200, 200, 200]],
    ['PATCH', '/platform/sites/{site}', {}, [404, 403, 200, 200]],
    ['GET', '/platform/sites/{site}/data-sources', undefined, [404, 200, 200, 200]],
    ['GET', '/platform/sites/{site}/processes', undefined, [404, 200, 200, 200]],
    ['GET', '/platform/sites/{site}/data', undefined, [404, 200, 200, 200]],
    ['GET', '/platform/sites/{site}/data-sets', undefined, [404, 200, 200, 200]],
  ] as const)('%s %s', async (method, path, body, statuses) => {
    const address = path.replace(/\{(\w+)\}/, (_whole, name: keyof typeof place) => String(place[name]));
    for (const [index, right] of (['none', 'read', 'write', 'admin'] as const).entries()) {
      const answer = await server.request(method, address, { token: users[right].token, body });
      expect([right, answer.status]).toEqual([right, statuses[index]]);
      if (answer.status === 403) expect(answer.body).toEqual(denied);
      const thing = path.includes('{site}') ? 'Site' : path.includes('{project}') ? 'Project' : 'Account';
      if (answer.status === 404) expect(answer.body).toEqual({ message: `${thing} not found.` });
    }
    expect((await server.request(method, address, { body })).status).toBe(401);
    const unscoped = await server.makeUser({ role: 'admin', scopes: [] });
    expect((await server.request(method, address, { token: unscoped.token, body })).status).toBe(403);
  });
});

test('a list holds what the caller has a right on', async () => {
  const other = await makeAccountWithSite(server);
  const user = await server.makeUser();
  const seen = async (path: string) => {
    const answer = await server.request('GET', path, { token: user.token });
    return answer.status === 200 ? answer.body.data.map((item: { id: number }) => item.id) : answer.status;
  };
  expect(await seen('/platform/sites')).toEqual([]);
  await grant(server, user, 'site', other.site, 'read');
  expect(await seen('/platform/sites')).toEqual([other.site]);
  expect(await seen(`/platform/projects/${other.project}/sites`)).toEqual([other.site]);
  // A right on something below is enough to list, and gives none on what is above.
  expect(await seen(`/platform/accounts/${other.account}/projects`)).toEqual([]);
  expect(await seen(`/platform/accounts/${place.account}/projects`)).toBe(404);
  expect(
    (await server.request('GET', `/platform/projects/${other.project}`, { token: user.token })).status,
  ).toBe(404);
  await grant(server, user, 'project', other.project, 'read');
  expect(await seen(`/platform/accounts/${other.account}/projects`)).toEqual([other.project]);
  expect(await seen('/platform/accounts')).toEqual([]);
  await grant(server, user, 'account', other.account, 'read');
  expect(await seen('/platform/accounts')).toEqual([other.account]);
});

test('a connector gives its owner write on its dev site, a viewer read', async () => {
  const dev = await makeAccountWithSite(server);
  const organization = await server.makeOrganization();
  const owner = await server.makeUser({ organizations: [organization] });
  const viewer = await server.makeUser({ role: 'viewer', organizations: [organization] });
  const path = `/platform/sites/${dev.site}`;
  const rename = (user: TestUser) =>
    server.request('PATCH', path, { token: user.token, body: { name: 'Mine' } });
  expect((await rename(owner)).status).toBe(404);
  await makeConnector(server, owner, { version: { dev_site: dev.site } });
  expect((await rename(owner)).status).toBe(200);
  expect((await rename(viewer)).status).toBe(403);
  expect((await server.request('GET', path, { token: viewer.token })).status).toBe(200);
  const all = await server.request('GET', '/platform/sites', { token: viewer.token });
  expect(all.body.data.map((site: { id: number }) => site.id)).toEqual([dev.site]);
  expect((await server.request('GET', path, { token: (await server.makeUser()).token })).status).toBe(404);
});

test('accounts, projects and sites are made and shown', async () => {
  const send = (method: string, path: string, body?: unknown) =>
    server.request(method, path, { token: admin.token, body });
  const account = await send('POST', '/platform/accounts', { name: '  Acme 100%_ ' });
  expect([account.status, account.body.message, account.body.resource]).toEqual([
    201,
    'Account created.',
    'account',
  ]);
  expect(Object.keys(account.body.data)).toEqual(['id', 'name', 'created-at', 'updated-at']);
  expect(account.body.data.name).toBe('Acme 100%_');
  const found = await send('GET', `/platform/accounts?name=${encodeURIComponent('ACME 100%_')}`);
  expect(found.body.data.map((item: { id: number }) => item.id)).toEqual([account.body.data.id]);
  const project = await send('POST', `/platform/accounts/${account.body.data.id}/projects`, {
    name: 'Shops',
  });
  expect([project.status, project.body.message]).toEqual([201, 'Project created.']);
  expect(Object.keys(project.body.data)).toEqual(['id', 'account-id', 'name', 'created-at', 'updated-at']);
  const site = await send('POST', `/platform/projects/${project.body.data.id}/sites`, { name: 'Shop' });
  expect([site.status, site.body.message]).toEqual([201, 'Site created.']);
  expect(JSON.stringify(site.body.data)).toContain(
    `"project-id":${project.body.data.id},"account-id":${account.body.data.id},"name":"Shop","status":"active","id-column":"id","shrink-guard":null,"processing-status":"idle","last-process":null,"data-set":null,"rows":{"import":null,"intermediate":null},"created-at":`,
  );
  const changed = await send('PATCH', `/platform/sites/${site.body.data.id}`, {
    'id-column': null,
    'shrink-guard': 20,
    status: 'paused',
  });
  expect([changed.status, changed.body.message]).toEqual([200, 'Site updated.']);
  expect(changed.body.data).toMatchObject({
    name: 'Shop',
    'id-column': null,
    'shrink-guard': 20,
    status: 'paused',
  });
  const events = await server.server.services.db
    .selectFrom('audit_events')
    .select('changes')
    .where('action', '=', 'platform_site_update')
    .where('entity_id', '=', String(site.body.data.id))
    .execute();
  expect(events.map((event) => event.changes)).toEqual([
    [
      { path: 'id-column', from: 'id', to: null },
      { path: 'shrink-guard', from: null, to: 20 },
      { path: 'status', from: 'active', to: 'paused' },
    ],
  ]);
});

test.each([
  [{}, { name: 'This value should not be blank.' }],
  [{ name: null }, { name: 'This value should not be blank.' }],
  [{ name: 'S', 'shrink-guard': 0 }, { 'shrink-guard': 'This value should be between 1 and 100.' }],
  [{ name: 'S', 'shrink-guard': 101 }, { 'shrink-guard': 'This value should be between 1 and 100.' }],
  [{ name: 'S', status: 'off' }, { status: 'The value you selected is not a valid choice.' }],
  [{ name: 'S', more: 1 }, { more: 'This field was not expected.' }],
  [{ name: 'x'.repeat(256) }, { name: 'This value is too long. It should have 255 characters or less.' }],
])('a site with %j is refused', async (body, errors) => {
  const answer = await server.request('POST', `/platform/projects/${place.project}/sites`, {
    token: admin.token,
    body,
  });
  expect([answer.status, answer.body]).toEqual([400, { message: 'Bad request.', errors }]);
});

test('ids in paths are integers', async () => {
  const answer = await server.request('GET', '/platform/sites/x', { token: admin.token });
  expect([answer.status, answer.body]).toEqual([
    400,
    { message: 'Bad request.', errors: { siteId: 'This value does not have valid integer.' } },
  ]);
  expect((await server.request('GET', '/platform/sites/2147483647', { token: admin.token })).body).toEqual({
    message: 'Site not found.',
  });
});
