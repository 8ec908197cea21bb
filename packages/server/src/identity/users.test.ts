import type { operations } from '@slipway/contract';
import { beforeAll, describe, expect, test } from 'vitest';
import { record } from '../../test/support/recording.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import type { Context } from '../context.ts';
import type { Input } from '../http/route.ts';
import { newId } from '../ids.ts';
import { updateUser } from './update-user.ts';

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  admin = await server.makeUser({ role: 'admin' });
});

const request = (method: string, path: string, user: TestUser, body?: unknown) =>
  server.request(method, path, { token: user.token, body });
const update = (target: TestUser, user: TestUser, body: unknown) =>
  request('PATCH', `/users/${target.id}`, user, body);

describe('me', () => {
  test('is the caller, with the scopes of the token that the role may hold', async () => {
    const [first, second] = [await server.makeOrganization(), await server.makeOrganization()];
    const user = await server.makeUser({
      role: 'viewer',
      organizations: [second, first],
      scopes: ['admin', 'runs:read', 'connectors:write', 'connectors:read'],
    });
    const { status, body } = await request('GET', '/me', user);
    expect(status).toBe(200);
    expect(Object.keys(body)).toEqual(['message', 'resource', 'data']);
    expect(body).toMatchObject({ message: 'successful operation', resource: 'user' });
    expect(Object.keys(body.data)).toEqual([
      'uuid',
      'name',
      'email',
      'role',
      'status',
      'organizations',
      'dev-defaults',
      'prod-defaults',
      'last-seen-at',
      'created-at',
      'updated-at',
      'scopes',
    ]);
    expect(body.data).toMatchObject({
      uuid: user.id,
      name: null,
      role: 'viewer',
      status: 'active',
      organizations: [
        { uuid: second, name: `Organization ${second}` },
        { uuid: first, name: `Organization ${first}` },
      ],
      scopes: ['connectors:read', 'runs:read'],
    });
    expect(body.data['last-seen-at']).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/);
  });

  test('needs a token, and no scope', async () => {
    expect((await server.request('GET', '/me')).status).toBe(401);
    const user = await server.makeUser({ scopes: [] });
    expect((await request('GET', '/me', user)).body.data.scopes).toEqual([]);
  });
});

describe('the list of users', () => {
  const uuids = async (user: TestUser, query = '') =>
    (await request('GET', `/users${query}`, user)).body.data.map(({ uuid }: { uuid: string }) => uuid);

  test('shows oneself and fellow members, an admin everybody', async () => {
    const [one, two] = [await server.makeOrganization(), await server.makeOrganization()];
    const user = await server.makeUser({ organizations: [one, two] });
    const fellow = await server.makeUser({ role: 'viewer', organizations: [one] });
    const other = await server.makeUser({ organizations: [two] });
    const stranger = await server.makeUser();
    expect(await uuids(user)).toEqual([other.id, fellow.id, user.id]);
    expect(await uuids(fellow)).toEqual([fellow.id, user.id]);
    expect(await uuids(stranger)).toEqual([stranger.id]);
    expect((await uuids(admin)).slice(0, 4)).toEqual([stranger.id, other.id, fellow.id, user.id]);
  });

  test('is filtered by name or e-mail address, role and status', async () => {
    const user = await server.makeUser({ role: 'viewer' });
    await update(user, admin, { name: 'Grace Hopper' });
    expect(await uuids(admin, '?name=grace%20h')).toEqual([user.id]);
    const { email } = (await request('GET', '/me', user)).body.data;
    expect(await uuids(admin, `?name=${email.slice(0, 36).toUpperCase()}`)).toEqual([user.id]);
    expect(await uuids(admin, '?name=grace&role=integrator')).toEqual([]);
    expect(await uuids(admin, '?name=grace&role=viewer&status=active')).toEqual([user.id]);
    const wrong = await request('GET', '/users?role=owner&status=gone', admin);
    expect(wrong.body.errors).toEqual({
      role: 'The value you selected is not a valid choice.',
      status: 'The value you selected is not a valid choice.',
    });
  });
});

describe('updating a user', () => {
  test('is for admins; the answer is the user, the trail has what changed', async () => {
    const user = await server.makeUser();
    const { status, body } = await update(user, admin, { name: ' Ada ', role: 'viewer' });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      message: 'User updated.',
      resource: 'user',
      data: { uuid: user.id, name: 'Ada', role: 'viewer', status: 'active' },
    });
    const audit = await request('GET', `/audit-events?entity-type=user&entity-id=${user.id}`, admin);
    expect(audit.body.data[0]).toMatchObject({
      action: 'user_update',
      entity: { type: 'user', id: user.id, name: body.data.email },
      changes: [
        { path: 'name', from: null, to: 'Ada' },
        { path: 'role', from: 'integrator', to: 'viewer' },
      ],
    });
    await update(user, admin, {});
    await update(user, admin, { name: 'Ada' });
    const after = await request('GET', `/audit-events?entity-type=user&entity-id=${user.id}`, admin);
    expect(after.body.metadata.total).toBe(1);
  });

  test('takes effect with the next request', async () => {
    const user = await server.makeUser();
    expect((await request('GET', '/secrets', user)).status).toBe(200);
    await update(user, admin, { role: 'viewer' });
    expect((await request('GET', '/secrets', user)).status).toBe(403);
    await update(user, admin, { status: 'disabled' });
    expect((await request('GET', '/me', user)).status).toBe(401);
    await update(user, admin, { status: 'active', role: 'integrator' });
    expect((await request('GET', '/secrets', user)).status).toBe(200);
  });

  test.each(['viewer', 'integrator', 'admin'] as const)(
    '%s may change their own name, without any scope',
    async (role) => {
      const user = await server.makeUser({ role, scopes: [] });
      const { status, body } = await update(user, user, { name: 'Me' });
      expect(status).toBe(200);
      expect(body.data.name).toBe('Me');
      expect((await update(user, user, { name: null })).body.data.name).toBeNull();
      const upperCase = await request('PATCH', `/users/${user.id.toUpperCase()}`, user, { name: 'Again' });
      expect(upperCase.status).toBe(200);
    },
  );

  test.each([{ role: 'admin' }, { status: 'active' }, { name: 'Me', role: 'integrator' }])(
    'nobody changes their own rights: %j',
    async (body) => {
      for (const user of [await server.makeUser(), await server.makeUser({ role: 'admin' })]) {
        const answer = await update(user, user, body);
        expect(answer.status).toBe(403);
        expect(answer.body).toEqual({ message: 'Access denied for user.' });
      }
    },
  );

  test('of somebody else is refused before anything is looked up', async () => {
    const nobody = { id: newId(), token: '' };
    const organization = await server.makeOrganization();
    for (const role of ['viewer', 'integrator'] as const) {
      const user = await server.makeUser({ role, organizations: [organization] });
      const fellow = await server.makeUser({ organizations: [organization] });
      expect((await update(fellow, user, { name: 'You' })).status).toBe(403);
      expect((await update(nobody, user, { wrong: 1 })).status).toBe(403);
    }
    const narrow = await server.makeUser({ role: 'admin', scopes: ['connectors:read'] });
    const answer = await update(nobody, narrow, { name: 'You' });
    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="admin"');
    expect((await update(nobody, admin, { name: 'You' })).body).toEqual({ message: 'User not found.' });
  });

  test.each<[unknown, Record<string, string>]>([
    [{ role: 'owner' }, { role: 'The value you selected is not a valid choice.' }],
    [{ status: 'invited' }, { status: 'The value you selected is not a valid choice.' }],
    [{ name: 'x'.repeat(256) }, { name: 'This value is too long. It should have 255 characters or less.' }],
    [
      { name: 5, email: 'a@b.c' },
      { name: 'This value does not have valid string.', email: 'This field was not expected.' },
    ],
  ])('%j is refused', async (body, errors) => {
    expect((await update(await server.makeUser(), admin, body)).body).toEqual({
      message: 'Bad request.',
      errors,
    });
  });
});

test("two admins who take each other's rights away at once leave one of them", async () => {
  const { services } = server.server;
  const [one, two] = [await server.makeUser({ role: 'admin' }), await server.makeUser({ role: 'admin' })];
  await services.db
    .updateTable('users')
    .set({ status: 'disabled' })
    .where('id', 'not in', [one.id, two.id])
    .execute();
  try {
    const disable = (target: TestUser, actor: TestUser) =>
      updateUser(
        {
          actor: {
            kind: 'user',
            id: actor.id,
            name: null,
            role: 'admin',
            scopes: new Set(['admin']),
            organizations: [],
          },
          db: services.db,
          services,
          requestId: null,
          ip: null,
        } satisfies Context,
        {
          subject: { id: target.id, email: '' },
          body: { status: 'disabled' },
        } as unknown as Input<typeof operations.userUpdate>,
      );
    const results = await Promise.allSettled([disable(one, two), disable(two, one)]);
    expect(results.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const refused = results.find((result) => result.status === 'rejected');
    const body = { message: 'At least one active admin is needed.', errors: [] };
    expect(refused?.reason.body).toEqual(body);
    record({ kind: 'refusal', operation: 'user_update', status: 400, body });
  } finally {
    await services.db.updateTable('users').set({ status: 'active' }).execute();
  }
});

test('defaults of a user are for admins to set, for users who exist', async () => {
  const user = await server.makeUser();
  const set = (id: string, as: TestUser, body: unknown = {}) =>
    request('PUT', `/defaults/integrators/${id}`, as, body);
  expect((await set(user.id, user)).status).toBe(403);
  expect((await set(newId(), admin, { wrong: 1 })).body).toEqual({ message: 'User not found.' });
  const { body } = await set(user.id, admin, { 'dev-defaults': { account: 1 } });
  expect(JSON.stringify(body.data)).toBe(
    JSON.stringify({
      integrator: user.id,
      'has-owner': false,
      owner: null,
      'dev-defaults': { account: 1, project: null },
      'prod-defaults': null,
    }),
  );
  expect((await request('GET', '/me', user)).body.data['dev-defaults']).toEqual({
    account: 1,
    project: null,
  });
});
