import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';
import { verifyPassword } from './passwords.ts';

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  admin = await server.makeUser({ role: 'admin' });
});

const invite = (body: unknown, token = admin.token) => server.request('POST', '/users', { token, body });
const accept = (token: string, body: unknown) => server.request('POST', `/invitations/${token}`, { body });
const invitee = () => `${newId()}@example.com`;
const tokenOf = (url: string) => url.split('/').at(-1) as string;

describe('inviting', () => {
  test('answers the user and an address that is shown once', async () => {
    const [one, two] = [await server.makeOrganization(), await server.makeOrganization()];
    const email = invitee();
    const { status, body } = await invite({ email, role: 'viewer', organizations: [two, one] });
    expect(status).toBe(201);
    expect(body).toMatchObject({
      message: 'User invited.',
      resource: 'user',
      data: { email, name: null, role: 'viewer', status: 'invited', 'last-seen-at': null },
    });
    expect(body.data.organizations.map(({ uuid }: { uuid: string }) => uuid)).toEqual([two, one]);
    expect(Object.keys(body.data).at(-1)).toBe('invitation-url');
    expect(body.data['invitation-url']).toMatch(/^http:\/\/localhost:\d+\/portal\/invite\/[\w-]{43}$/);
    const stored = await server.server.services.db.selectFrom('invitations').selectAll().execute();
    expect(JSON.stringify(stored)).not.toContain(tokenOf(body.data['invitation-url']));
    const audit = await server.request('GET', '/audit-events?action=user_invite', { token: admin.token });
    expect(audit.body.data[0].entity).toMatchObject({ type: 'user', name: email });
    expect(audit.text).not.toContain(tokenOf(body.data['invitation-url']));
  });

  test('by default makes an integrator', async () => {
    expect((await invite({ email: invitee(), name: ' Ada ' })).body.data).toMatchObject({
      name: 'Ada',
      role: 'integrator',
      organizations: [],
    });
  });

  test('refuses wrong and used addresses, and organizations that are none', async () => {
    const email = invitee();
    await invite({ email });
    const missing = newId();
    for (const [body, errors] of [
      [{}, { email: 'This value should not be blank.' }],
      [{ email: 'nobody' }, { email: 'This value is not a valid email address.' }],
      [{ email: email.toUpperCase() }, { email: 'This value is already used.' }],
      [
        { email: invitee(), organizations: [await server.makeOrganization(), missing] },
        { 'organizations[1]': 'Organization not found.' },
      ],
      [{ email: invitee(), role: 'owner' }, { role: 'The value you selected is not a valid choice.' }],
    ] as const) {
      expect((await invite(body)).body).toEqual({ message: 'Bad request.', errors });
    }
  });

  test('of one address twice at once makes one user', async () => {
    const email = invitee();
    const answers = await Promise.all([1, 2, 3].map(() => invite({ email })));
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 400, 400]);
    const refused = answers.find(({ status }) => status === 400);
    expect(refused?.body.errors).toEqual({ email: 'This value is already used.' });
  });
});

describe('an invitation', () => {
  test('is accepted once, with a name and a password', async () => {
    const { body } = await invite({ email: invitee() });
    const token = tokenOf(body.data['invitation-url']);
    const short = await accept(token, { name: 'Grace', password: 'short' });
    expect(short.body.errors).toEqual({
      password: 'This value is too short. It should have 12 characters or more.',
    });
    const { status, body: welcome } = await accept(token, { name: 'Grace', password: ' a long password ' });
    expect(status).toBe(200);
    expect(welcome).toMatchObject({
      message: 'Welcome.',
      resource: 'user',
      data: { uuid: body.data.uuid, name: 'Grace', status: 'active' },
    });
    const { password_hash: hash } = await server.server.services.db
      .selectFrom('users')
      .select('password_hash')
      .where('id', '=', body.data.uuid)
      .executeTakeFirstOrThrow();
    expect(hash).toMatch(/^scrypt\$/);
    expect(await verifyPassword(' a long password ', hash)).toBe(true);
    expect(await verifyPassword('a long password', hash)).toBe(false);
    const again = await accept(token, { name: 'Grace', password: ' a long password ' });
    expect(again).toMatchObject({ status: 404, body: { message: 'Invitation not found.' } });
    const audit = await server.request('GET', '/audit-events?action=invitation_accept', {
      token: admin.token,
    });
    expect(audit.body.data[0]).toMatchObject({
      actor: { uuid: body.data.uuid, name: 'Grace', kind: 'user' },
    });
  });

  test('that is over, or of a user who was disabled since, is none', async () => {
    const old = (await invite({ email: invitee() })).body.data;
    await server.server.services.db
      .updateTable('invitations')
      .set({ expires_at: new Date(Date.now() - 1000) })
      .where('user_id', '=', old.uuid)
      .execute();
    const disabled = (await invite({ email: invitee() })).body.data;
    await server.request('PATCH', `/users/${disabled.uuid}`, {
      token: admin.token,
      body: { status: 'disabled' },
    });
    for (const user of [old, disabled]) {
      const answer = await accept(tokenOf(user['invitation-url']), {
        name: 'X',
        password: 'a long password',
      });
      expect(answer).toMatchObject({ status: 404, body: { message: 'Invitation not found.' } });
    }
  });
});

test('a password is checked in the same way without a hash', async () => {
  expect(await verifyPassword('anything at all', null)).toBe(false);
  expect(await verifyPassword('anything at all', 'nonsense')).toBe(false);
});
