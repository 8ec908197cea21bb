import { randomBytes } from 'node:crypto';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { openSecretsAt } from './registrations.ts';

let server: TestServer;
let organization: string;
let member: TestUser;
let colleague: TestUser;
let foreign: TestUser;
let viewer: TestUser;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  organization = await server.makeOrganization();
  member = await server.makeUser({ organizations: [organization] });
  colleague = await server.makeUser({ organizations: [organization] });
  viewer = await server.makeUser({ role: 'viewer', organizations: [organization] });
  foreign = await server.makeUser();
  admin = await server.makeUser({ role: 'admin' });
});

let count = 0;
/** A path that no other test uses. */
const newPath = (prefix = 'test'): string => `${prefix}/secret-${++count}`;
const put = (user: TestUser, path: string, body: unknown) =>
  server.request('PUT', `/secrets/${path}`, { token: user.token, body });
const remove = (user: TestUser, path: string) =>
  server.request('DELETE', `/secrets/${path}`, { token: user.token });
const list = (user: TestUser, query = '') => server.request('GET', `/secrets${query}`, { token: user.token });
const paths = (answer: Awaited<ReturnType<typeof list>>): string[] =>
  answer.body.data.map(({ path }: { path: string }) => path);
const open = async (path: string) => {
  const { db, vault } = server.server.services;
  return (await openSecretsAt(db, vault, [path]))[0];
};
const events = async (path: string) =>
  (await server.request('GET', `/audit-events?entity-type=secret&entity-id=${path}`, { token: admin.token }))
    .body.data;

describe('putting a secret', () => {
  test('creates it for the organization joined first, then replaces its fields', async () => {
    const path = newPath('google/io');
    const created = await put(member, path, { fields: { id: '1', ini_header: 'google', secret: ' s ' } });
    expect(created.status).toBe(201);
    expect(Object.keys(created.body)).toEqual(['message', 'resource', 'data']);
    expect(created.body).toMatchObject({ message: 'Secret created.', resource: 'secret' });
    expect(Object.keys(created.body.data)).toEqual([
      'path',
      'ini_header',
      'fields',
      'owner',
      'registrations',
      'last-updated-by',
      'created-at',
      'updated-at',
    ]);
    expect(created.body.data).toMatchObject({
      path,
      ini_header: 'google',
      fields: ['id', 'ini_header', 'secret'],
      owner: organization,
      registrations: 0,
      'last-updated-by': member.id,
    });
    const updated = await put(colleague, path, { fields: { secret: null, extra: '' } });
    expect(updated.status).toBe(200);
    expect(updated.body).toMatchObject({
      message: 'Secret updated.',
      resource: 'secret',
      data: { fields: ['secret', 'extra'], owner: organization, 'last-updated-by': colleague.id },
    });
    // Without the field the header is made from the path again.
    expect(updated.body.data.ini_header).toBe(`google-io::${path.split('/').at(-1)}`);
    expect(await open(path)).toEqual({
      ini_header: updated.body.data.ini_header,
      path,
      fields: [
        { name: 'secret', value: ' s ' },
        { name: 'extra', value: '' },
      ],
    });
  });

  test('with %2F for its slashes is the same secret', async () => {
    const path = newPath('a/b');
    expect((await put(member, path, { fields: { key: 'one' } })).status).toBe(201);
    const again = await put(member, path.replaceAll('/', '%2F'), { fields: { key: 'two' } });
    expect(again.status).toBe(200);
    expect(again.body.data.path).toBe(path);
    expect((await remove(member, path.replaceAll('/', '%2f'))).status).toBe(204);
  });

  test('keeps the header when its value stays', async () => {
    const path = newPath();
    await put(member, path, { fields: { ini_header: 'head', a: '1' } });
    const { body } = await put(member, path, { fields: { ini_header: null, a: '2' } });
    expect(body.data.ini_header).toBe('head');
    expect((await put(member, path, { fields: { ini_header: '' } })).body.data.ini_header).toMatch(/^test::/);
  });

  test('with nothing new changes nothing and records nothing', async () => {
    const path = newPath();
    const before = await put(member, path, { fields: { a: '1', b: '2' } });
    const same = await put(member, path, { fields: { a: null, b: null } });
    expect(same.status).toBe(200);
    expect(same.body.data).toEqual(before.body.data);
    expect(await events(path)).toHaveLength(1);
    expect((await put(member, path, { fields: { b: null, a: null } })).body.data.fields).toEqual(['b', 'a']);
    expect((await events(path))[0].changes).toEqual([{ path: 'fields', from: ['a', 'b'], to: ['b', 'a'] }]);
  });

  test('leaves no value behind that nothing refers to', async () => {
    const path = newPath();
    const entries = async () =>
      (await sql<{ n: number }>`SELECT count(*) AS n FROM vault_entries`.execute(server.server.services.db))
        .rows[0]?.n;
    const before = (await entries()) as number;
    await put(member, path, { fields: { a: '1', b: '2', c: '3' } });
    await put(member, path, { fields: { a: null, b: 'new' } });
    expect(await entries()).toBe(before + 2);
    await remove(member, path);
    expect(await entries()).toBe(before);
  });

  test('by several at once makes one secret', async () => {
    const path = newPath();
    const answers = await Promise.all(
      Array.from({ length: 8 }, (_, index) =>
        put(index % 2 ? member : colleague, path, { fields: { a: String(index) } }),
      ),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 200, 200, 200, 200, 200, 201]);
    expect((await open(path))?.fields).toHaveLength(1);
  });
});

describe('the owner of a new secret', () => {
  test('is an organization of the caller or they themselves', async () => {
    const own = await put(member, newPath(), { fields: { a: '1' }, owner: member.id });
    expect(own.body.data.owner).toBe(member.id);
    const named = await put(member, newPath(), { fields: { a: '1' }, owner: organization.toUpperCase() });
    expect(named.body.data.owner).toBe(organization);
    expect((await put(foreign, newPath(), { fields: { a: '1' } })).body.data.owner).toBe(foreign.id);
  });

  test('is nobody when an admin names none, or whom they name', async () => {
    expect((await put(admin, newPath(), { fields: { a: '1' } })).body.data.owner).toBeNull();
    expect((await put(admin, newPath(), { fields: { a: '1' }, owner: null })).body.data.owner).toBeNull();
    const named = await put(admin, newPath(), { fields: { a: '1' }, owner: organization });
    expect(named.body.data.owner).toBe(organization);
  });

  test('stays when the secret is there already', async () => {
    const path = newPath();
    await put(member, path, { fields: { a: '1' } });
    const again = await put(member, path, { fields: { a: '2' }, owner: member.id });
    expect(again.status).toBe(200);
    expect(again.body.data.owner).toBe(organization);
    expect((await put(admin, path, { fields: { a: '3' } })).body.data.owner).toBe(organization);
  });
});

describe('is refused', () => {
  const blank = 'This value should not be blank.';
  const invalid = 'This value is not valid.';
  test.each<[string, unknown, Record<string, string>]>([
    ['without fields', {}, { fields: blank }],
    ['with null for fields', { fields: null }, { fields: blank }],
    ['with no field', { fields: {} }, { fields: blank }],
    ['with a list', { fields: ['a'] }, { fields: 'This value does not have valid object.' }],
    ['with a text', { fields: 'a' }, { fields: 'This value does not have valid object.' }],
    ['with a wrong name', { fields: { '1a': 'x' } }, { 'fields.1a': invalid }],
    [
      'with a name of 65 characters',
      { fields: { ['a'.repeat(65)]: 'x' } },
      { [`fields.${'a'.repeat(65)}`]: invalid },
    ],
    ['with null for a new field', { fields: { a: null, b: 'x' } }, { 'fields.a': blank }],
    ['with a number', { fields: { a: 1 } }, { 'fields.a': 'This value does not have valid string.' }],
    [
      'with a value too long',
      { fields: { a: 'x'.repeat(65_537) } },
      { 'fields.a': 'This value is too long. It should have 65536 characters or less.' },
    ],
    [
      'with 51 fields',
      { fields: Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`f${index}`, 'x'])) },
      { fields: invalid },
    ],
    ['with a header of two lines', { fields: { ini_header: 'a\nb' } }, { 'fields.ini_header': invalid }],
    [
      'with an unknown key',
      { fields: { a: 'x' }, colour: 'red' },
      { colour: 'This field was not expected.' },
    ],
    [
      'with several faults, all at once',
      { fields: { 'a b': 'x', c: 2 }, owner: 'me' },
      {
        'fields.c': 'This value does not have valid string.',
        'fields.a b': invalid,
        owner: 'This is not a valid UUID.',
      },
    ],
    [
      'for an organization of others',
      { fields: { a: 'x' }, owner: '0190a000-0000-7000-8000-000000000001' },
      { owner: 'You are not a member of this organization.' },
    ],
    [
      'shared, by others than admins',
      { fields: { a: 'x' }, owner: null },
      { owner: 'This is not a valid UUID.' },
    ],
  ])('%s', async (_name, body, errors) => {
    const path = newPath();
    const answer = await put(member, path, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
    expect(Object.keys(answer.body.errors)).toEqual(Object.keys(errors));
    expect(await open(path)).toBeUndefined();
  });

  test.each(['A', 'a_b', 'a//b', '%00', '-a', 'a%20b', '..%2Fa', 'a/b/c/d/e/f/g/h/i', 'x'.repeat(256)])(
    'at the path %s',
    async (path) => {
      const answer = await put(member, path, { nothing: 1 });
      expect(answer.status).toBe(400);
      expect(answer.body).toEqual({ message: 'Bad request.', errors: { path: invalid } });
      expect((await remove(member, path)).body).toEqual({ message: 'Secret not found.' });
    },
  );

  test.each(['', 'a/', 'a%2F'])('with a slash at the end: %j', async (path) => {
    for (const method of ['PUT', 'DELETE', 'GET']) {
      const answer = await server.request(method, `/secrets/${path}`, { token: member.token });
      expect(answer.status).toBe(404);
      expect(answer.body).toEqual({ message: 'Resource not found.' });
    }
  });

  test('at a path of another owner, or a shared one', async () => {
    const [theirs, shared] = [newPath(), newPath()];
    await put(foreign, theirs, { fields: { a: '1' } });
    await put(admin, shared, { fields: { a: '1' } });
    for (const path of [theirs, shared]) {
      const answer = await put(member, path, { fields: { a: '2' } });
      expect(answer.status).toBe(400);
      expect(answer.body.errors).toEqual({ path: 'This value is already used.' });
      expect((await open(path))?.fields).toEqual([{ name: 'a', value: '1' }]);
    }
  });
});

describe('listing secrets', () => {
  test('shows what the caller may use, by path; an admin sees all', async () => {
    const other = await server.makeOrganization();
    const [one, two] = [
      await server.makeUser({ organizations: [other] }),
      await server.makeUser({ organizations: [other] }),
    ];
    await put(one, 'list-z/b', { fields: { a: '1' } });
    await put(one, 'list-z/a-1', { fields: { a: '1' } });
    await put(one, 'list-z/own', { fields: { a: '1' }, owner: one.id });
    await put(admin, 'list-z/a/shared', { fields: { a: '1' } });
    const all = ['list-z/a-1', 'list-z/a/shared', 'list-z/b', 'list-z/own'];
    expect(paths(await list(one, '?path=LIST-Z'))).toEqual(all);
    expect(paths(await list(two, '?path=list-z'))).toEqual(['list-z/a-1', 'list-z/a/shared', 'list-z/b']);
    expect(paths(await list(foreign, '?path=list-z'))).toEqual(['list-z/a/shared']);
    expect(paths(await list(admin, '?path=list-z'))).toEqual(all);
    expect(paths(await list(one, '?path=%25'))).toEqual([]);
  });

  test('goes on from page to page', async () => {
    const seen: string[] = [];
    const user = await server.makeUser();
    const made = Array.from({ length: 5 }, (_, index) => `paged/${'long-'.repeat(20)}/s-${index}`);
    for (const path of made) await put(user, path, { fields: { a: '1' } });
    let next: string | null = '/secrets?limit=2&path=paged';
    const totals = new Set<number>();
    while (next !== null) {
      const { body, status } = await server.request('GET', next, { token: user.token });
      expect(status).toBe(200);
      seen.push(...body.data.map(({ path }: { path: string }) => path));
      totals.add(body.metadata.total);
      next = body.metadata.next;
    }
    expect(seen).toEqual(made);
    expect([...totals]).toEqual([5]);
  });
});

describe('deleting a secret', () => {
  test.each<[string, () => TestUser | null, number, unknown]>([
    ['anonymous', () => null, 401, { message: 'You have to be authorized to access this resource.' }],
    ['a viewer of the owner', () => viewer, 403, { message: 'Access denied for user.' }],
    ['a foreign integrator', () => foreign, 404, { message: 'Secret not found.' }],
    ['a member of the owner', () => member, 204, undefined],
    ['an admin', () => admin, 204, undefined],
  ])('as %s', async (_name, user, status, body) => {
    const path = newPath();
    await put(colleague, path, { fields: { a: '1' } });
    const answer = await server.request('DELETE', `/secrets/${path}`, { token: user()?.token });
    expect(answer.status).toBe(status);
    expect(answer.body).toEqual(body);
    expect((await open(path)) === undefined).toBe(status === 204);
  });

  test('that is shared is for admins alone', async () => {
    const path = newPath();
    await put(admin, path, { fields: { a: '1' } });
    for (const user of [member, foreign, viewer]) expect((await remove(user, path)).status).toBe(403);
    expect((await remove(admin, path)).status).toBe(204);
    expect((await remove(admin, path)).body).toEqual({ message: 'Secret not found.' });
  });

  test('is refused while a version registers it', async () => {
    const path = newPath();
    await put(member, path, { fields: { a: '1' } });
    const { id, versionId } = await makeConnector(server, member);
    const registered = await server.request('PUT', `/connectors/${id}/versions/1/secret-registrations`, {
      token: member.token,
      body: { 'secret-registrations': [path] },
    });
    expect(registered.status, registered.text).toBe(200);
    expect(paths(await list(member, `?path=${path}`))).toEqual([path]);
    expect((await list(member, `?path=${path}`)).body.data[0].registrations).toBe(1);
    const refused = await remove(member, path);
    expect(refused.status).toBe(400);
    expect(refused.text).toBe('{"message":"Secret is registered in a connector.","errors":[]}');
    await server.server.services.db
      .deleteFrom('version_secrets')
      .where('version_id', '=', versionId)
      .execute();
    expect((await remove(member, path)).status).toBe(204);
  });

  test('without its scope is refused with the scope', async () => {
    const narrow = await server.makeUser({ scopes: ['connectors:read'], organizations: [organization] });
    const answer = await remove(narrow, newPath());
    expect(answer.status).toBe(403);
    expect(answer.headers.get('www-authenticate')).toBe(
      'Bearer error="insufficient_scope", scope="secrets:write"',
    );
  });
});

test('values show nowhere: in no answer, no audit event, no table, neither plain nor in base64 nor in hex', async () => {
  const canaries = Array.from({ length: 3 }, () => `canary${randomBytes(12).toString('hex')}`);
  const path = newPath('canary');
  const seen: string[] = [];
  const see = (answer: { text: string }) => seen.push(answer.text);
  see(await put(member, path, { fields: { one: canaries[0], two: canaries[1] } }));
  see(await put(member, path, { fields: { one: canaries[2], two: null } }));
  // Refused ones must not echo them either.
  see(await put(foreign, path, { fields: { one: canaries[0] } }));
  see(await put(member, path, { fields: { one: canaries[0], 'not valid': canaries[1] } }));
  see(await put(member, path, { fields: { one: canaries[0] }, owner: 'nobody' }));
  for (const user of [member, foreign, viewer, admin]) see(await list(user));
  see(await server.request('GET', '/audit-events?limit=1000', { token: admin.token }));
  const { db } = server.server.services;
  const { rows: tables } = await sql<{ name: string }>`
    SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) AS name FROM pg_tables
    WHERE schemaname NOT IN ('pg_catalog', 'information_schema')`.execute(db);
  for (const { name } of tables) {
    const { rows } = await sql<{ dump: string | null }>`
      SELECT string_agg(t::text, '\n') AS dump FROM ${sql.raw(name)} t`.execute(db);
    seen.push(rows[0]?.dump ?? '');
  }
  const everything = seen.join('\n');
  expect(everything).toContain(path);
  expect((await open(path))?.fields).toEqual([
    { name: 'one', value: canaries[2] },
    { name: 'two', value: canaries[1] },
  ]);
  for (const canary of canaries) {
    const bytes = Buffer.from(canary);
    expect(everything).not.toContain(canary);
    expect(everything).not.toContain(bytes.toString('hex'));
    for (const skipped of [0, 1, 2]) {
      // Base64 depends on where the text begins in what was encoded; its ends depend on what stands beside it.
      const middle = Buffer.concat([Buffer.alloc(skipped), bytes])
        .toString('base64')
        .slice(4, -4);
      expect(everything).not.toContain(middle);
    }
  }
});

test('what happened to a secret stands in the audit trail, without values', async () => {
  const path = newPath('audited');
  await put(member, path, { fields: { a: '1', b: '2' } });
  await put(member, path, { fields: { a: '3', c: '4' } });
  await remove(member, path);
  const found = await events(path);
  expect(
    found.map(({ action, changes }: { action: string; changes: unknown }) => ({ action, changes })),
  ).toEqual([
    {
      action: 'secret_delete',
      changes: [
        { path: 'fields.a', from: '***', to: null },
        { path: 'fields.c', from: '***', to: null },
      ],
    },
    {
      action: 'secret_put',
      changes: [
        { path: 'fields.a', from: '***', to: '***' },
        { path: 'fields.c', from: null, to: '***' },
        { path: 'fields.b', from: '***', to: null },
      ],
    },
    {
      action: 'secret_put',
      changes: [
        { path: 'owner', from: null, to: organization },
        { path: 'fields.a', from: null, to: '***' },
        { path: 'fields.b', from: null, to: '***' },
      ],
    },
  ]);
  expect(found[0].entity).toEqual({ type: 'secret', id: path, name: path });
});
