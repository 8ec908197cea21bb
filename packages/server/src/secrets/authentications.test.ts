import { sql } from 'kysely';
import { beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { authenticationFields, missingAuthentications } from './authentications.ts';

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  admin = await server.makeUser({ role: 'admin' });
});
beforeEach(async () => {
  await server.server.services.db.deleteFrom('version_authentications').execute();
  await server.server.services.db.deleteFrom('authentications').execute();
});

const create = (body: unknown, user = admin) =>
  server.request('POST', '/authentications', { token: user.token, body });
const update = (id: number, body: unknown) =>
  server.request('PUT', `/authentications/${id}`, { token: admin.token, body });
const remove = (id: number | string, user: TestUser | null = admin) =>
  server.request('DELETE', `/authentications/${id}`, { token: user?.token });

const fields = [{ name: 'refresh_token' }, { name: 'shop', label: 'Shop address', secret: false }];
const oauth2 = {
  'authorization-url': 'https://provider.example/authorize',
  'token-url': 'https://provider.example/token',
  scopes: ['read', 'write'],
  'client-id': 'id-1',
  'client-secret': 'canary-of-the-client',
};
const shownOauth2 = { ...oauth2, 'client-secret': '***' };
const storedSecret = async (id: number): Promise<string> => {
  const { db, vault } = server.server.services;
  const row = await db
    .selectFrom('authentications')
    .select('client_secret')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();
  return vault.open(db, row.client_secret as string);
};

describe('creating', () => {
  test('fills in labels and secrecy, and numbers from the highest id on', async () => {
    const first = await create({ name: 'Etsy', kind: 'fields', fields });
    expect(first.status).toBe(201);
    expect(first.body).toMatchObject({ message: 'Authentication created.', resource: 'authentication' });
    const { 'created-at': created, 'updated-at': updated, ...rest } = first.body.data;
    expect(JSON.stringify(rest)).toBe(
      JSON.stringify({
        id: 1,
        name: 'Etsy',
        kind: 'fields',
        fields: [
          { name: 'refresh_token', label: 'refresh_token', secret: true },
          { name: 'shop', label: 'Shop address', secret: false },
        ],
        oauth2: null,
      }),
    );
    expect(created).toBe(updated);
    expect((await create({ id: 30, name: 'A', kind: 'fields', fields })).body.data.id).toBe(30);
    expect((await create({ name: 'B', kind: 'fields', fields })).body.data.id).toBe(31);
  });

  test('by several at once gives each its own id', async () => {
    const answers = await Promise.all(
      Array.from({ length: 6 }, (_, index) => create({ name: `P${index}`, kind: 'fields', fields })),
    );
    expect(answers.map(({ body }) => body.data.id).sort()).toEqual([1, 2, 3, 4, 5, 6]);
  });

  test('of the kind oauth2 keeps the client secret in the vault', async () => {
    const { status, body, text } = await create({ name: 'OAuth', kind: 'oauth2', fields, oauth2 });
    expect(status).toBe(201);
    expect(JSON.stringify(body.data.oauth2)).toBe(JSON.stringify(shownOauth2));
    expect(text).not.toContain('canary');
    expect(await storedSecret(body.data.id)).toBe('canary-of-the-client');
    const audit = await server.request('GET', '/audit-events?action=authentication_create', {
      token: admin.token,
    });
    expect(audit.text).not.toContain('canary');
    expect(audit.body.data[0].changes.at(-1)).toEqual({
      path: 'oauth2.client-secret',
      from: null,
      to: '***',
    });
    const { rows } = await sql<{ row: string }>`SELECT a::text AS row FROM authentications a`.execute(
      server.server.services.db,
    );
    expect(JSON.stringify(rows)).not.toContain('canary');
  });
});

describe('creating is refused', () => {
  const blank = 'This value should not be blank.';
  const ok = { name: 'N', kind: 'fields', fields };
  const withOauth2 = (change: object) => ({ ...ok, kind: 'oauth2', oauth2: { ...oauth2, ...change } });
  test.each<[string, unknown, Record<string, string>]>([
    ['with an empty body', {}, { name: blank, kind: blank, fields: blank }],
    [
      'with an unknown kind',
      { ...ok, kind: 'saml' },
      { kind: 'The value you selected is not a valid choice.' },
    ],
    ['with the id 0', { ...ok, id: 0 }, { id: 'This value should be greater than 0.' }],
    ['with an id no table holds', { ...ok, id: 2 ** 31 }, { id: 'This value should be greater than 0.' }],
    ['with a text for id', { ...ok, id: '1' }, { id: 'This value does not have valid integer.' }],
    ['without fields', { ...ok, fields: [] }, { fields: blank }],
    [
      'with a wrong name',
      { ...ok, fields: [{ name: '1' }] },
      { 'fields[0].name': 'This value is not valid.' },
    ],
    ['without a name', { ...ok, fields: [{ label: 'L' }] }, { 'fields[0].name': blank }],
    [
      'with a name twice',
      { ...ok, fields: [{ name: 'a' }, { name: 'a' }] },
      { 'fields[1].name': 'This value is already used.' },
    ],
    [
      'with fields that are none',
      { ...ok, fields: [null] },
      { 'fields[0]': 'This value does not have valid object.' },
    ],
    [
      'with more in a field',
      { ...ok, fields: [{ name: 'a', type: 'x' }] },
      { 'fields[0].type': 'This field was not expected.' },
    ],
    ['as oauth2 without settings', { ...ok, kind: 'oauth2' }, { oauth2: blank }],
    ['as fields with settings', { ...ok, oauth2 }, { oauth2: 'This value is not valid.' }],
    [
      'with an address that is not https',
      withOauth2({ 'token-url': 'http://provider.example/token' }),
      { 'oauth2.token-url': 'This value is not a valid URL.' },
    ],
    [
      'with addresses that are none',
      withOauth2({ 'authorization-url': 'provider', 'token-url': '' }),
      { 'oauth2.token-url': blank, 'oauth2.authorization-url': 'This value is not a valid URL.' },
    ],
    ['without a client secret', withOauth2({ 'client-secret': '' }), { 'oauth2.client-secret': blank }],
    [
      'with the mask for a client secret',
      withOauth2({ 'client-secret': '***' }),
      { 'oauth2.client-secret': blank },
    ],
    [
      'with settings that are none',
      { ...ok, kind: 'oauth2', oauth2: 'x' },
      { oauth2: 'This value does not have valid object.' },
    ],
  ])('%s', async (_name, body, errors) => {
    const answer = await create(body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  });

  test('with an id that is used', async () => {
    await create({ ...ok, id: 5 });
    expect((await create({ ...ok, id: 5 })).body.errors).toEqual({ id: 'This value is already used.' });
  });
});

describe('updating', () => {
  test('replaces all but the kind, and keeps a client secret that is not sent', async () => {
    const { body: made } = await create({ name: 'OAuth', kind: 'oauth2', fields, oauth2 });
    const id = made.data.id as number;
    for (const secret of [undefined, null, '***']) {
      const answer = await update(id, {
        name: 'Renamed',
        fields: [{ name: 'token' }],
        oauth2: { ...oauth2, scopes: [], 'client-secret': secret },
      });
      expect(answer.status, answer.text).toBe(200);
      expect(answer.body).toMatchObject({
        message: 'Authentication updated.',
        resource: 'authentication',
        data: { id, name: 'Renamed', kind: 'oauth2', oauth2: { ...shownOauth2, scopes: [] } },
      });
      expect(answer.body.data.fields).toEqual([{ name: 'token', label: 'token', secret: true }]);
      expect(await storedSecret(id)).toBe('canary-of-the-client');
    }
    await update(id, { name: 'Renamed', fields, oauth2: { ...oauth2, 'client-secret': 'another' } });
    expect(await storedSecret(id)).toBe('another');
  });

  test('with what is there already records nothing', async () => {
    const { body } = await create({ id: 4711, name: 'Same', kind: 'fields', fields });
    expect((await update(4711, { name: 'Same', fields })).body.data).toEqual(body.data);
    const audit = await server.request('GET', '/audit-events?entity-type=authentication&entity-id=4711', {
      token: admin.token,
    });
    expect(audit.body.data.map(({ action }: { action: string }) => action)).toEqual([
      'authentication_create',
    ]);
  });

  test('is refused by the kind that is stored', async () => {
    await create({ id: 1, name: 'F', kind: 'fields', fields });
    await create({ id: 2, name: 'O', kind: 'oauth2', fields, oauth2 });
    expect((await update(1, { name: 'F', fields, oauth2 })).body.errors).toEqual({
      oauth2: 'This value is not valid.',
    });
    expect((await update(2, { name: 'O', fields })).body.errors).toEqual({
      oauth2: 'This value should not be blank.',
    });
    expect((await update(2, { id: 3, kind: 'fields', name: 'O', fields, oauth2 })).body.errors).toEqual({
      id: 'This field was not expected.',
      kind: 'This field was not expected.',
    });
  });

  test('of one that is not there answers 404, whatever is sent', async () => {
    expect((await update(99, { wrong: true })).text).toBe('{"message":"Authentication not found."}');
    expect((await update(0, {})).body.errors).toEqual({
      authenticationId: 'This value does not have valid integer.',
    });
  });
});

describe('deleting', () => {
  test.each<[string, 'admin' | 'integrator' | 'viewer' | null, number]>([
    ['anonymous', null, 401],
    ['a viewer', 'viewer', 403],
    ['an integrator', 'integrator', 403],
    ['an admin', 'admin', 204],
  ])('as %s', async (_name, role, status) => {
    await create({ id: 7, name: 'N', kind: 'oauth2', fields, oauth2 });
    expect((await remove(7, role && (await server.makeUser({ role })))).status).toBe(status);
  });

  test('is refused while a version registers it', async () => {
    await create({ id: 7, name: 'N', kind: 'fields', fields });
    const user = await server.makeUser();
    const { id, versionId } = await makeConnector(server, user);
    const registered = await server.request(
      'PUT',
      `/connectors/${id}/versions/1/authentication-registrations`,
      {
        token: user.token,
        body: { 'authentication-registrations': [7] },
      },
    );
    expect(registered.status, registered.text).toBe(200);
    const refused = await remove(7);
    expect(refused.status).toBe(400);
    expect(refused.text).toBe('{"message":"Authentication is registered in a connector.","errors":[]}');
    await server.server.services.db
      .deleteFrom('version_authentications')
      .where('version_id', '=', versionId)
      .execute();
    expect((await remove(7)).status).toBe(204);
    expect((await remove(7)).text).toBe('{"message":"Authentication not found."}');
  });
});

test('the list is by id, filtered by name, for everybody who reads connectors', async () => {
  await create({ id: 20, name: 'Etsy', kind: 'fields', fields });
  await create({ id: 3, name: 'eBay', kind: 'oauth2', fields, oauth2 });
  await create({ id: 100, name: 'Google', kind: 'fields', fields });
  const viewer = await server.makeUser({ role: 'viewer' });
  const list = async (query = '') =>
    (await server.request('GET', `/authentications${query}`, { token: viewer.token })).body;
  expect((await list()).data.map(({ id }: { id: number }) => id)).toEqual([3, 20, 100]);
  expect((await list('?name=E')).data.map(({ id }: { id: number }) => id)).toEqual([3, 20, 100]);
  expect((await list('?name=etsy')).data.map(({ id }: { id: number }) => id)).toEqual([20]);
  const first = await list('?limit=2');
  expect(first.metadata).toMatchObject({ count: 2, total: 3 });
  const second = await server.request('GET', first.metadata.next, { token: viewer.token });
  expect(second.body.data.map(({ id }: { id: number }) => id)).toEqual([100]);
  expect(first.data[0].oauth2['client-secret']).toBe('***');
});

test('other domains learn what exists and which fields it has', async () => {
  const { db } = server.server.services;
  await create({ id: 20, name: 'Etsy', kind: 'fields', fields });
  expect(await missingAuthentications(db, [5, 20, 2 ** 40])).toEqual([5, 2 ** 40]);
  expect(await missingAuthentications(db, [])).toEqual([]);
  expect(await authenticationFields(db, [20, 5])).toEqual(new Map([[20, ['refresh_token', 'shop']]]));
});
