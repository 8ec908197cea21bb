import { beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  givePassword,
  password,
  proofKey,
  requestToken,
  signIn,
  startOAuthServer,
  Visitor,
} from '../../test/support/oauth.ts';
import type { TestServer } from '../../test/support/server.ts';
import { setTemporaryPassword } from './temporary-password.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startOAuthServer();
});

async function signedIn() {
  const user = await server.makeUser();
  const email = await givePassword(server, user);
  const { tokens, visitor } = await signIn(server, email);
  return { ...user, email, visitor, access: tokens.access_token as string, tokens };
}
const call = (method: string, path: string, token: string, body?: unknown) =>
  server.request(method, path, { token, body });

describe('sign-ins', () => {
  test('are listed with what asks marked, and ended one by one', async () => {
    const user = await signedIn();
    const other = await signIn(server, user.email);
    const { status, body } = await call('GET', '/me/sign-ins', user.access);
    expect(status).toBe(200);
    expect(body.resource).toBe('sign-in');
    expect(body.data.map(({ current }: { current: boolean }) => current)).toEqual([false, true]);
    expect(Object.keys(body.data[0])).toEqual([
      'id',
      'client',
      'ip',
      'user-agent',
      'current',
      'created-at',
      'last-used-at',
    ]);
    expect(body.data[0]).toMatchObject({
      client: 'Slipway command line',
      ip: '127.0.0.1',
      'user-agent': 'node',
    });

    const id = body.data[0].id;
    const stranger = await server.makeUser();
    const foreign = await call('DELETE', `/me/sign-ins/${id}`, stranger.token);
    expect(foreign).toMatchObject({ status: 404, body: { message: 'Sign-in not found.' } });
    expect((await call('DELETE', `/me/sign-ins/${id}`, user.access)).status).toBe(204);
    expect((await call('GET', '/me', other.tokens.access_token as string)).status).toBe(401);
    const form = { grant_type: 'refresh_token', refresh_token: other.tokens.refresh_token as string };
    expect((await requestToken(server, form)).status).toBe(400);
    // The browser that it came from asks again who is there.
    const again = await other.visitor.visit(authorization(proofKey().challenge));
    expect(again.text).toContain('<h1>Sign in</h1>');
    expect((await call('GET', '/me', user.access)).status).toBe(200);
    expect((await call('DELETE', `/me/sign-ins/${id}`, user.access)).status).toBe(404);
  });

  test('with a personal access token none of them is the current one', async () => {
    const user = await signedIn();
    const { body } = await call('GET', '/me/sign-ins', user.token);
    expect(body.data).toMatchObject([{ current: false }]);
  });
});

describe('the own password', () => {
  const change = (token: string, current: string, next: string) =>
    call('PUT', '/me/password', token, { current, new: next });

  test('is changed by who is signed in; all other sign-ins end', async () => {
    const user = await signedIn();
    const other = await signIn(server, user.email);
    const answer = await change(user.access, password, 'another horse battery');
    expect(answer).toMatchObject({ status: 200, body: { message: 'Password changed.' } });
    expect((await call('GET', '/me', user.access)).status).toBe(200);
    expect((await call('GET', '/me', other.tokens.access_token as string)).status).toBe(401);
    const form = { grant_type: 'refresh_token', refresh_token: user.tokens.refresh_token as string };
    expect((await requestToken(server, form)).status).toBe(200);
    const page = await other.visitor.visit(authorization(proofKey().challenge));
    expect(page.text).toContain('<h1>Sign in</h1>');
    const old = await other.visitor.visit(`${page.path}/sign-in`, { email: user.email, password });
    expect(old.status).toBe(400);
    const fresh = { email: user.email, password: 'another horse battery' };
    expect((await other.visitor.visit(`${page.path}/sign-in`, fresh)).status).toBe(200);
  });

  test('is refused for a personal access token, a wrong one, and a short one', async () => {
    const user = await signedIn();
    expect((await change(user.token, password, 'another horse battery')).status).toBe(403);
    expect((await change(user.access, 'wrong', 'another horse battery')).body).toEqual({
      message: 'Bad request.',
      errors: { current: 'This value is not valid.' },
    });
    expect((await change(user.access, password, 'short')).body.errors).toEqual({
      new: 'This value is too short. It should have 12 characters or more.',
    });
    expect((await change(user.access, '', '')).body.errors).toEqual({
      current: 'This value should not be blank.',
      new: 'This value should not be blank.',
    });
  });
});

describe('limits', () => {
  test('10 failures of an account make its address wait, known or not; others go on', async () => {
    const user = await server.makeUser();
    const email = await givePassword(server, user);
    for (const account of [email, 'unknown@example.com']) {
      const visitor = new Visitor(server);
      const page = await visitor.visit(authorization(proofKey().challenge));
      const attempt = (typed: string) =>
        visitor.visit(`${page.path}/sign-in`, { email: account, password: typed });
      for (let index = 0; index < 11; index++) {
        const { db } = server.server.services;
        // As if the tries were spread over a quarter of an hour.
        await db
          .updateTable('sign_in_attempts')
          .set({ time: new Date(Date.now() - 120_000) })
          .execute();
        expect((await attempt('wrong password')).status).toBe(400);
      }
      const wait = await attempt(password);
      expect(wait.status).toBe(429);
      expect(wait.headers.get('retry-after')).toMatch(/^[12]$/);
      expect(wait.text).toContain('Too many attempts.');
    }
    expect((await signedIn()).access).toBeDefined();
  });

  test('60 tries a minute for an address, invitations included', async () => {
    const { db } = server.server.services;
    const statuses = [];
    for (let index = 0; index < 61; index++) {
      statuses.push((await server.request('POST', '/invitations/none', { body: {} })).status);
    }
    expect(statuses).toContain(404);
    const last = await server.request('POST', '/invitations/none', { body: {} });
    expect(last).toMatchObject({ status: 429, body: { message: 'Too many requests.' } });
    expect(last.headers.get('retry-after')).toBe('60');
    // The code of a device is guessed no faster.
    const device = await fetch(`${server.url}/oauth/device`, { method: 'POST' });
    expect(device.status).toBe(429);
    expect(device.headers.get('retry-after')).toBe('60');
    await db.deleteFrom('sign_in_attempts').execute();
    expect((await server.request('POST', '/invitations/none', { body: {} })).status).toBe(404);
  });
});

describe('a password that was handed over', () => {
  /** Up to the page after the password. */
  async function enter(email: string, given: string) {
    const visitor = new Visitor(server);
    const page = await visitor.visit(authorization(proofKey().challenge));
    return { visitor, next: await visitor.visit(`${page.path}/sign-in`, { email, password: given }) };
  }
  const choose = (visitor: Visitor, path: string, chosen: string, repeated = chosen) =>
    visitor.visit(`${path}/password`, { password: chosen, repeated });
  async function handOver(): Promise<{ id: string; email: string; given: string; token: string }> {
    const { db } = server.server.services;
    const user = await server.makeUser();
    const given = await db.transaction().execute((work) => setTemporaryPassword(work, user.id));
    return { ...user, given, email: await emailOf(user.id) };
  }
  const emailOf = async (id: string): Promise<string> =>
    (
      await server.server.services.db
        .selectFrom('users')
        .select('email')
        .where('id', '=', id)
        .executeTakeFirstOrThrow()
    ).email;

  test('of the first admin lets them choose their own, and nothing else', async () => {
    const { services, firstPassword } = server.server;
    expect(firstPassword).toMatch(/^([a-z2-9]{5}-){3}[a-z2-9]{5}$/);
    const { visitor, next } = await enter('Admin@localhost', firstPassword as string);
    expect(next.text).toContain('<h1>Choose your password</h1>');
    expect(next.headers.get('content-security-policy')).toContain(
      "form-action 'self' http://127.0.0.1:47123",
    );
    // Neither another form nor another way around leads on.
    for (const path of ['/allow', '/sign-in']) {
      const around = await visitor.visit(next.path + path, { email: 'admin@localhost' });
      expect(around.text).toContain('<h1>Choose your password</h1>');
    }
    const silent = await visitor.visit(authorization(proofKey().challenge, { prompt: 'none' }));
    expect(new URL(silent.location as string).searchParams.get('error')).toBe('interaction_required');
    const again = await visitor.visit(authorization(proofKey().challenge));
    expect(again.text).toContain('<h1>Choose your password</h1>');
    const own = 'the admin\u2019s own words';
    const done = await choose(visitor, again.path, own);
    expect(done.text).toContain('Let Slipway command line act for you?');
    const audit = await services.db
      .selectFrom('audit_events')
      .select(['actor_kind', 'actor_name', 'entity_name', 'changes', 'ip'])
      .where('action', '=', 'me_update_password')
      .executeTakeFirstOrThrow();
    expect(audit).toEqual({
      actor_kind: 'user',
      actor_name: 'Administrator',
      entity_name: 'admin@localhost',
      changes: [{ path: 'password', from: '***', to: '***' }],
      ip: '127.0.0.1',
    });
    const old = await enter('admin@localhost', firstPassword as string);
    expect(old.next.text).toContain('E-mail address or password is wrong.');
    const good = await enter('admin@localhost', own);
    expect(good.next.text).toContain('Let Slipway command line act for you?');
  });

  test.each([
    ['too little', 'too little', 'The password is too short. It should have 12 characters or more.'],
    ['x'.repeat(1001), 'x'.repeat(1001), 'The password is too long. It should have 1000 characters or less.'],
    ['twelve characters', 'twelve charakters', 'The two passwords are not the same.'],
    [null, null, 'This is the password that you were given. Choose another one.'],
  ])('is not replaced by %s and %s', async (chosen, repeated, text) => {
    const { email, given } = await handOver();
    const { visitor, next } = await enter(email, given);
    const answer = await choose(visitor, next.path, chosen ?? given, repeated ?? given);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(text);
    expect(answer.text).not.toContain(chosen ?? given);
  });

  test('ends the other windows in which it was entered, once one has chosen', async () => {
    const { email, given } = await handOver();
    const [one, other] = [await enter(email, given), await enter(email, given)];
    expect((await choose(one.visitor, one.next.path, 'chosen in the first')).text).toContain('act for you?');
    const late = await choose(other.visitor, other.next.path, 'chosen in the other');
    expect(late.text).not.toContain('act for you?');
    expect((await enter(email, 'chosen in the first')).next.text).toContain('act for you?');
    expect((await enter(email, 'chosen in the other')).next.text).toContain('password is wrong');
  });

  test('leaves personal tokens as they are', async () => {
    const { token, id } = await handOver();
    expect((await server.request('GET', '/me', { token })).body.data.uuid).toBe(id);
  });
});
