import { expect, test } from 'vitest';
import { startTestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';

const server = await startTestServer();
const { db } = server.server.services;
const admin = await server.makeUser({ role: 'admin' });

const hook = (details: object = {}) => ({
  name: `Hook ${newId()}`,
  url: 'https://example.com/hook',
  events: ['version.built'],
  ...details,
});
const create = (user: TestUser, body: unknown) =>
  server.request('POST', '/webhooks', { token: user.token, body });
const bad = (errors: object) => ({ message: 'Bad request.', errors });

test('a webhook is created with a secret that nothing else shows', async () => {
  const user = await server.makeUser();
  const { status, body } = await create(user, hook({ name: 'Mine', description: 'What for', events: ['*'] }));
  expect(status).toBe(201);
  expect(body).toEqual({
    message: 'Webhook created.',
    resource: 'webhook',
    data: {
      id: expect.any(String),
      name: 'Mine',
      url: 'https://example.com/hook',
      description: 'What for',
      events: ['*'],
      owner: user.id,
      active: true,
      'created-at': expect.any(String),
      'updated-at': expect.any(String),
      secret: expect.stringMatching(/^whsec_[A-Za-z0-9+/]{43}=$/),
    },
  });
  expect(Object.keys(body.data).at(-1)).toBe('secret');
  const { secret, ...shown } = body.data;
  const read = await server.request('GET', `/webhooks/${shown.id}`, { token: user.token });
  expect(read.body).toEqual({ message: 'successful operation', resource: 'webhook', data: shown });
  const list = await server.request('GET', '/webhooks', { token: user.token });
  expect(list.body.data).toEqual([shown]);
  const stored = await db.selectFrom('webhooks').selectAll().where('id', '=', shown.id).execute();
  expect(JSON.stringify(stored)).not.toContain(secret);
});

test.each([
  ['no name', { name: undefined }, { name: 'This value should not be blank.' }],
  ['no url', { url: undefined }, { url: 'This value should not be blank.' }],
  ['no address', { url: 'nowhere' }, { url: 'This value is not a valid webhook URL.' }],
  ['another protocol', { url: 'ftp://example.com/' }, { url: 'This value is not a valid webhook URL.' }],
  [
    'a name in the address',
    { url: 'https://a:b@example.com/' },
    { url: 'This value is not a valid webhook URL.' },
  ],
  ['loopback', { url: 'http://127.0.0.1:8080/' }, { url: 'This value is not a valid webhook URL.' }],
  [
    'loopback in other words',
    { url: 'http://2130706433/' },
    { url: 'This value is not a valid webhook URL.' },
  ],
  ['loopback of IPv6', { url: 'http://[::1]/' }, { url: 'This value is not a valid webhook URL.' }],
  ['localhost', { url: 'http://localhost/' }, { url: 'This value is not a valid webhook URL.' }],
  ['metadata', { url: 'http://169.254.169.254/latest' }, { url: 'This value is not a valid webhook URL.' }],
  ['no events', { events: [] }, { events: 'The value you selected is not a valid choice.' }],
  [
    'an unknown event',
    { events: ['version.built', 'no'] },
    { events: 'The value you selected is not a valid choice.' },
  ],
  ['a key of no use', { extra: 1 }, { extra: 'This field was not expected.' }],
  ['another owner', { owner: newId() }, { owner: 'You are not a member of this organization.' }],
  ['every connector', { owner: null }, { owner: 'You are not a member of this organization.' }],
])('%s is refused', async (_what, details, errors) => {
  const answer = await create(await server.makeUser(), hook(details));
  expect([answer.status, answer.body]).toEqual([400, bad(errors)]);
});

test('names are unique for the owner', async () => {
  const [one, other] = [await server.makeUser(), await server.makeUser()];
  const first = await create(one, hook({ name: 'Same' }));
  expect((await create(one, hook({ name: 'Same' }))).body).toEqual(
    bad({ name: 'This value is already used.' }),
  );
  expect((await create(other, hook({ name: 'Same' }))).status).toBe(201);
  const second = await create(one, hook({ name: 'Other' }));
  const rename = (id: string) =>
    server.request('PATCH', `/webhooks/${id}`, { token: one.token, body: { name: 'Same' } });
  expect((await rename(second.body.data.id)).body).toEqual(bad({ name: 'This value is already used.' }));
  expect((await rename(first.body.data.id)).status).toBe(200);
});

test('an admin may hear every connector; two such webhooks have two names', async () => {
  const name = `All ${newId()}`;
  const { status, body } = await create(admin, hook({ name, owner: null }));
  expect([status, body.data.owner]).toEqual([201, null]);
  expect((await create(admin, hook({ name, owner: null }))).body).toEqual(
    bad({ name: 'This value is already used.' }),
  );
  const integrator = await server.makeUser();
  const shown = await server.request('GET', `/webhooks/${body.data.id}`, { token: integrator.token });
  expect([shown.status, shown.body]).toEqual([404, { message: 'Webhook not found.' }]);
});

test('a webhook of an organization belongs to its members', async () => {
  const organization = await server.makeOrganization();
  const member = await server.makeUser({ organizations: [organization] });
  const colleague = await server.makeUser({ organizations: [organization] });
  const { body } = await create(member, hook());
  expect(body.data.owner).toBe(organization);
  const address = `/webhooks/${body.data.id}`;
  const update = { url: 'https://example.com/other', active: false, events: ['*'], description: null };
  const changed = await server.request('PATCH', address, { token: colleague.token, body: update });
  expect(changed.body).toMatchObject({ message: 'Webhook updated.', data: update });
  expect(changed.body.data).not.toHaveProperty('secret');
  const refused = await server.request('PATCH', address, {
    token: colleague.token,
    body: { url: 'http://127.0.0.1/' },
  });
  expect(refused.body).toEqual(bad({ url: 'This value is not a valid webhook URL.' }));
  const audits = await db
    .selectFrom('audit_events')
    .select('action')
    .where('entity_id', '=', body.data.id)
    .orderBy('id')
    .execute();
  expect(audits.map(({ action }) => action)).toEqual(['webhook_create', 'webhook_update']);
  expect((await server.request('DELETE', address, { token: colleague.token })).status).toBe(204);
  expect((await server.request('DELETE', address, { token: colleague.token })).status).toBe(404);
});

test('webhooks go with their organization', async () => {
  const organization = await server.makeOrganization();
  const member = await server.makeUser({ organizations: [organization] });
  const { body } = await create(member, hook());
  const gone = await server.request('DELETE', `/organizations/${organization}`, { token: admin.token });
  expect(gone.status, gone.text).toBe(204);
  const shown = await server.request('GET', `/webhooks/${body.data.id}`, { token: admin.token });
  expect(shown.status).toBe(404);
});
