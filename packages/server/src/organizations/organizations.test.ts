import { beforeAll, describe, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  admin = await server.makeUser({ role: 'admin' });
});

const request = (method: string, path: string, body?: unknown, user: TestUser = admin) =>
  server.request(method, path, { token: user.token, body });
const create = (name: unknown) => request('POST', '/organizations', { name });
const auditOf = async (id: string) =>
  (await request('GET', `/audit-events?entity-type=organization&entity-id=${id}`)).body.data;

let count = 0;
const newName = () => `Name ${++count}`;

describe('the name', () => {
  const pattern = 'Organization name can contain only letters, numbers, dash, underscore and spaces.';
  const blank = 'This value should not be blank.';
  test.each([
    ['A/B', pattern],
    ['A!', pattern],
    ['<b>', pattern],
    ['', blank],
    ['   ', blank],
    [null, blank],
    [undefined, blank],
    [7, 'This value does not have valid string.'],
    ['x'.repeat(101), 'This value is too long. It should have 100 characters or less.'],
  ])('%j is refused, when creating and when changing', async (name, text) => {
    const created = await create(name);
    expect(created.status).toBe(400);
    expect(created.body).toEqual({ message: 'Bad request.', errors: { name: text } });
    if (name === undefined) return;
    const changed = await request('PATCH', `/organizations/${await server.makeOrganization()}`, { name });
    expect(changed.body).toEqual({ message: 'Bad request.', errors: { name: text } });
  });

  test.each(['Acme_1 - Shop', 'Müller', '日本', ' trimmed '])('%j is accepted', async (name) => {
    const { status, body } = await create(name);
    expect(status).toBe(201);
    expect(body.data.name).toBe(name.trim());
  });

  test('is used once', async () => {
    const name = newName();
    const answers = await Promise.all([create(name), create(name), create(name)]);
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
    const refused = await create(name);
    expect(refused.body.errors).toEqual({ name: 'This value is already used.' });
    const other = await server.makeOrganization();
    expect((await request('PATCH', `/organizations/${other}`, { name })).body.errors).toEqual({
      name: 'This value is already used.',
    });
  });
});

test('a new organization has the limit of the settings and nothing else', async () => {
  const name = newName();
  const { body } = await create(name);
  expect(JSON.stringify(body)).toBe(
    JSON.stringify({
      message: 'Successfully created a new organization.',
      resource: 'organization',
      data: {
        uuid: body.data.uuid,
        name,
        'connectors-limit': 10,
        members: [],
        'notification-config': null,
        'dev-defaults': null,
        'prod-defaults': null,
      },
    }),
  );
  expect((await auditOf(body.data.uuid))[0]).toMatchObject({
    action: 'organization_create',
    actor: { uuid: admin.id, kind: 'user' },
    entity: { type: 'organization', id: body.data.uuid, name },
    changes: [
      { path: 'name', from: null, to: name },
      { path: 'connectors-limit', from: null, to: 10 },
    ],
  });
});

describe('changing', () => {
  test('changes only what is sent', async () => {
    const id = await server.makeOrganization();
    const name = newName();
    const config = { destination: '#release', triggers: ['extensive-release'] };
    const first = await request('PATCH', `/organizations/${id}`, { name, 'connectors-limit': 0 });
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      message: 'Successfully updated organization.',
      resource: 'organization',
      data: { uuid: id, name, 'connectors-limit': 0, 'notification-config': null },
    });
    const second = await request('PATCH', `/organizations/${id}`, { 'notification-config': config });
    expect(second.body.data).toMatchObject({ name, 'connectors-limit': 0, 'notification-config': config });
    const third = await request('PATCH', `/organizations/${id}`, { 'notification-config': null });
    expect(third.body.data['notification-config']).toBeNull();
    const changes = (await auditOf(id)).map((event: { changes: unknown }) => event.changes);
    expect(changes[0]).toEqual([{ path: 'notification-config', from: config, to: null }]);
  });

  test('with nothing, or what is there already, records nothing', async () => {
    const id = await server.makeOrganization();
    expect((await request('PATCH', `/organizations/${id}`, {})).status).toBe(200);
    expect((await request('PATCH', `/organizations/${id}`)).status).toBe(200);
    expect((await request('PATCH', `/organizations/${id}`, { 'connectors-limit': 10 })).status).toBe(200);
    expect(await auditOf(id)).toEqual([]);
  });

  const choice = 'The value you selected is not a valid choice.';
  const blank = 'This value should not be blank.';
  test.each<[unknown, Record<string, string>]>([
    [{ 'connectors-limit': -1 }, { 'connectors-limit': 'This value should be between 0 and 10000.' }],
    [{ 'connectors-limit': 10_001 }, { 'connectors-limit': 'This value should be between 0 and 10000.' }],
    [{ 'connectors-limit': '5' }, { 'connectors-limit': 'This value does not have valid integer.' }],
    [
      { 'notification-config': {} },
      { 'notification-config.destination': blank, 'notification-config.triggers': blank },
    ],
    [
      { 'notification-config': { destination: '', triggers: ['other'] } },
      { 'notification-config.destination': blank, 'notification-config.triggers': choice },
    ],
    [
      { 'notification-config': { destination: 'd', triggers: [] } },
      { 'notification-config.triggers': blank },
    ],
    [
      { 'notification-config': { destination: 'd', triggers: ['extensive-release'], extra: 1 } },
      { 'notification-config.extra': 'This field was not expected.' },
    ],
    [{ 'notification-config': 'x' }, { 'notification-config': 'This value does not have valid object.' }],
    [{ members: [] }, { members: 'This field was not expected.' }],
  ])('%j is refused', async (body, errors) => {
    const id = await server.makeOrganization();
    const answer = await request('PATCH', `/organizations/${id}`, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  });
});

describe('members', () => {
  test('stand in the order they were added; adding or removing twice changes nothing', async () => {
    const id = await server.makeOrganization();
    const users = [
      await server.makeUser(),
      await server.makeUser({ role: 'viewer' }),
      await server.makeUser(),
    ];
    const member = (method: string, user: TestUser) =>
      request(method, `/organizations/${id}/members/${user.id}`);
    const [one, two, three] = users as [TestUser, TestUser, TestUser];
    for (const user of [two, one, three, two]) expect((await member('PUT', user)).status).toBe(200);
    const shown = await request('GET', `/organizations/${id}`, undefined, one);
    expect(shown.body.message).toBe('successful operation');
    expect(shown.body.data.members).toEqual([{ uuid: two.id }, { uuid: one.id }, { uuid: three.id }]);
    const removed = await member('DELETE', two);
    expect(removed.status).toBe(200);
    expect(removed.body.data.members).toEqual([{ uuid: one.id }, { uuid: three.id }]);
    expect((await member('DELETE', two)).body.data.members).toHaveLength(2);
    const events = await auditOf(id);
    expect(events.map(({ action }: { action: string }) => action)).toEqual([
      'remove_member_from_organization',
      'add_member_to_organization',
      'add_member_to_organization',
      'add_member_to_organization',
    ]);
    expect(events[0].changes).toEqual([{ path: 'members', from: two.id, to: null }]);
  });

  test('must be users', async () => {
    const id = await server.makeOrganization();
    const unknown = await request('PUT', `/organizations/${id}/members/${newId()}`);
    expect(unknown.status).toBe(404);
    expect(unknown.body).toEqual({ message: 'User not found.' });
    const wrong = await request('PUT', '/organizations/x/members/y');
    expect(wrong.body).toEqual({
      message: 'Bad request.',
      errors: { organizationId: 'This is not a valid UUID.', memberId: 'This is not a valid UUID.' },
    });
    const body = await request('PUT', `/organizations/${id}/members/${admin.id}`, { role: 'admin' });
    expect(body.body.errors).toEqual({ role: 'This field was not expected.' });
  });

  test('have their rights with the next request, and lose them with it', async () => {
    const id = await server.makeOrganization();
    const user = await server.makeUser();
    const show = () => request('GET', `/organizations/${id}`, undefined, user);
    expect((await show()).status).toBe(403);
    await request('PUT', `/organizations/${id}/members/${user.id}`);
    expect((await show()).status).toBe(200);
    await request('DELETE', `/organizations/${id}/members/${user.id}`);
    expect((await show()).body).toEqual({ message: 'Access denied for user.' });
  });
});

describe('default targets', () => {
  const set = (id: string, body: unknown) => request('PUT', `/defaults/organizations/${id}`, body);

  test('are replaced as a whole; what is absent is null, or an empty list', async () => {
    const id = await server.makeOrganization();
    const first = await set(id, { 'dev-defaults': { account: 3 }, 'prod-defaults': { sites: [5, 6] } });
    expect(first.body.message).toBe('Successfully updated organization default targets.');
    expect(JSON.stringify(first.body.data['dev-defaults'])).toBe('{"account":3,"project":null}');
    expect(JSON.stringify(first.body.data['prod-defaults'])).toBe(
      '{"accounts":[],"projects":[],"sites":[5,6]}',
    );
    expect((await set(id, {})).body.data).toMatchObject({ 'dev-defaults': null, 'prod-defaults': null });
    await set(id, {});
    expect(await auditOf(id)).toHaveLength(2);
  });

  test.each<[unknown, Record<string, string>]>([
    [{ 'dev-defaults': {} }, { 'dev-defaults.account': 'This value should not be blank.' }],
    [
      { 'dev-defaults': { account: 'x' } },
      { 'dev-defaults.account': 'This value does not have valid integer.' },
    ],
    [
      { 'dev-defaults': { account: 2 ** 31 } },
      { 'dev-defaults.account': 'This value should be greater than 0.' },
    ],
    [{ 'dev-defaults': [] }, { 'dev-defaults': 'This value does not have valid object.' }],
    [
      { 'prod-defaults': { sites: [1, 2 ** 31] } },
      { 'prod-defaults.sites': 'All values must be integers greater than 0.' },
    ],
    [
      { 'prod-defaults': { sites: [1.5] } },
      { 'prod-defaults.sites': 'All values must be integers greater than 0.' },
    ],
    [{ 'prod-defaults': { sites: 1 } }, { 'prod-defaults.sites': 'This value does not have valid array.' }],
    [{ 'prod-defaults': { teams: [] } }, { 'prod-defaults.teams': 'This field was not expected.' }],
  ])('%j is refused', async (body, errors) => {
    expect((await set(await server.makeOrganization(), body)).body).toEqual({
      message: 'Bad request.',
      errors,
    });
  });

  test('decide where new versions go, unless the user has their own', async () => {
    const organization = await server.makeOrganization();
    const user = await server.makeUser({ organizations: [organization] });
    await set(organization, {
      'dev-defaults': { account: 3, project: 4 },
      'prod-defaults': { accounts: [7] },
    });
    const references = async () => {
      const { id } = await makeConnector(server, user);
      const { body } = await request('GET', `/connectors/${id}`, undefined, user);
      const { platform_dev_reference: dev, platform_prod_reference: prod } = body.data.versions[0];
      return [dev.account, dev.project, prod['target-accounts']];
    };
    expect(await references()).toEqual([3, 4, [7]]);
    const own = await request('PUT', `/defaults/integrators/${user.id}`, { 'dev-defaults': { account: 9 } });
    expect(own.body.data).toMatchObject({ 'has-owner': true, owner: organization });
    expect(await references()).toEqual([9, null, [7]]);
  });
});

describe('deleting', () => {
  const still = '{"message":"Organization still owns connectors, buckets or secrets.","errors":[]}';
  const remove = (id: string, user: TestUser | null = admin) =>
    server.request('DELETE', `/organizations/${id}`, { token: user?.token });

  test('takes the memberships with it', async () => {
    const id = await server.makeOrganization();
    const user = await server.makeUser({ organizations: [id] });
    expect((await remove(id)).status).toBe(204);
    expect((await remove(id)).body).toEqual({ message: 'Organization not found.' });
    expect((await request('GET', '/me', undefined, user)).body.data.organizations).toEqual([]);
    expect((await auditOf(id))[0].action).toBe('organization_delete');
  });

  test('is refused while it owns a connector, one in the bin too', async () => {
    const id = await server.makeOrganization();
    const user = await server.makeUser({ organizations: [id] });
    const connector = await makeConnector(server, user);
    expect((await remove(id)).text).toBe(still);
    await request('PATCH', `/connectors/${connector.id}/move-to-bin`, undefined, user);
    expect((await remove(id)).text).toBe(still);
  });

  test('is refused while it owns a secret or a bucket', async () => {
    const [one, two] = [await server.makeOrganization(), await server.makeOrganization()];
    const user = await server.makeUser({ organizations: [one] });
    await request('PUT', '/secrets/of/an-organization', { fields: { a: '1' } }, user);
    await server.server.services.db
      .insertInto('buckets')
      .values({ id: newId(), name: 'B', owner_id: two })
      .execute();
    expect((await remove(one)).text).toBe(still);
    expect((await remove(two)).text).toBe(still);
  });

  test('leaves nothing that was created in the same moment without an owner', async () => {
    for (let round = 0; round < 5; round++) {
      const id = await server.makeOrganization();
      const user = await server.makeUser({ organizations: [id] });
      const [created, removed] = await Promise.all([
        request('PUT', `/secrets/race/r-${round}`, { fields: { a: '1' } }, user),
        remove(id),
      ]);
      // Whoever comes after the deletion belongs to no organization any more and owns the secret in person.
      if (removed.status === 204) expect([created.status, created.body?.data?.owner]).not.toEqual([201, id]);
      else expect([removed.status, created.status]).toEqual([400, 201]);
    }
  });

  test.each<[string, 'viewer' | 'integrator' | null, number]>([
    ['anonymous', null, 401],
    ['a viewer of it', 'viewer', 403],
    ['a member', 'integrator', 403],
  ])('as %s', async (_name, role, status) => {
    const id = await server.makeOrganization();
    const user = role && (await server.makeUser({ role, organizations: [id] }));
    expect((await remove(id, user)).status).toBe(status);
    const member = await server.request('DELETE', `/organizations/${id}/members/${newId()}`, {
      token: user?.token,
    });
    expect(member.status).toBe(status);
  });
});

test("the list shows one's own; an admin sees all", async () => {
  const [one, two] = [(await create(newName())).body.data.uuid, (await create(newName())).body.data.uuid];
  const user = await server.makeUser({ organizations: [one] });
  const uuids = async (query: string, as: TestUser) =>
    (await request('GET', `/organizations${query}`, undefined, as)).body.data.map(
      ({ uuid }: { uuid: string }) => uuid,
    );
  expect(await uuids('', user)).toEqual([one]);
  expect(await uuids('?name=name', user)).toEqual([one]);
  expect(await uuids('?name=other', user)).toEqual([]);
  expect((await uuids('?limit=1000', admin)).slice(0, 2)).toEqual([two, one]);
  expect(await uuids('', await server.makeUser())).toEqual([]);
});
