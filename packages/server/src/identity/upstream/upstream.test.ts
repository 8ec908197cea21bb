import { beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  callback,
  givePassword,
  password,
  proofKey,
  requestToken,
  Visitor,
} from '../../../test/support/oauth.ts';
import type { TestServer, TestUser } from '../../../test/support/server.ts';
import {
  type Person,
  startWithUpstream,
  type TestUpstream,
  walkUpstream,
} from '../../../test/support/upstream.ts';
import { newId } from '../../ids.ts';

let server: TestServer;
let upstream: TestUpstream;
let admin: TestUser;

beforeAll(async () => {
  ({ server, upstream } = await startWithUpstream());
  admin = await server.makeUser({ role: 'admin' });
});

type Place = Awaited<ReturnType<typeof startWithUpstream>>;

/** Begins a sign-in and goes to the other provider, up to the address that it sends the browser back to. */
async function beginAt(place: Place, more: Record<string, string> = {}) {
  const visitor = new Visitor(place.server);
  const { verifier, challenge } = proofKey();
  const page = await visitor.visit(authorization(challenge, more));
  const away = await visitor.visit(`${page.path}/upstream`);
  const back = await walkUpstream(place.upstream, away.location as string);
  return { visitor, verifier, away, back };
}

/** A sign-in as `subject`, for whom the other provider vouches with these claims. */
async function signInAs(
  subject: string,
  claims: Person,
  { more = {}, place = { server, upstream } }: { more?: Record<string, string>; place?: Place } = {},
) {
  place.upstream.people.set(subject, claims);
  place.upstream.signsIn = subject;
  const begun = await beginAt(place, more);
  return { ...begun, answer: await begun.visitor.visit(begun.back) };
}

/** With a server and a provider of its own, which are gone when the test is over. */
async function elsewhere(
  options: Parameters<typeof startWithUpstream>[0],
  work: (place: Place) => Promise<void>,
): Promise<void> {
  const place = await startWithUpstream(options);
  place.upstream.signsIn = 'somebody';
  try {
    await work(place);
  } finally {
    await place.server.server.stop();
  }
}

/** The user behind the tokens that a finished sign-in gives. */
async function whoIs(visitor: Visitor, consentPath: string, verifier: string) {
  const done = await visitor.visit(`${consentPath}/allow`, {});
  const code = new URL(done.location as string).searchParams.get('code') as string;
  const { body } = await requestToken(server, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    code_verifier: verifier,
  });
  return (await server.request('GET', '/me', { token: body.access_token })).body.data;
}

const audit = async (action: string) =>
  (await server.request('GET', `/audit-events?action=${action}`, { token: admin.token })).body.data;
const emailOf = async ({ id }: TestUser): Promise<string> =>
  (
    await server.server.services.db
      .selectFrom('users')
      .select('email')
      .where('id', '=', id)
      .executeTakeFirstOrThrow()
  ).email;
const fresh = () => ({ subject: `subject-${newId()}`, email: `${newId()}@example.com` });

describe('a user whose verified e-mail address the other provider vouches for', () => {
  test('is signed in, linked once, and found by the subject from then on', async () => {
    const user = await server.makeUser();
    const email = await emailOf(user);
    const { subject } = fresh();
    const first = await signInAs(subject, { email: email.toUpperCase(), email_verified: true });
    expect(first.answer.text).toContain('Let Slipway command line act for you?');
    expect(first.away.location).toContain(`${upstream.issuer}/auth?`);
    expect(await whoIs(first.visitor, first.answer.path, first.verifier)).toMatchObject({ uuid: user.id });
    expect((await audit('system.link-sign-in'))[0]).toMatchObject({
      entity: { type: 'user', id: user.id, name: email },
      changes: [{ path: 'upstream', from: null, to: `${upstream.issuer} ${subject}` }],
      actor: { kind: 'system' },
      ip: '127.0.0.1',
    });
    // Another address there later, and no longer verified: still the same person.
    const again = await signInAs(subject, { email: fresh().email, email_verified: false });
    expect(await whoIs(again.visitor, again.answer.path, again.verifier)).toMatchObject({ uuid: user.id });
  });

  test('is asked with PKCE, state and nonce, none of which the database keeps', async () => {
    const { subject, email } = fresh();
    const { away, visitor } = await signInAs(subject, { email, email_verified: true });
    const asked = new URL(away.location as string).searchParams;
    expect(asked.get('code_challenge_method')).toBe('S256');
    expect(asked.get('scope')).toBe('openid email profile');
    const { publicUrl } = server.server.services.settings;
    expect(asked.get('redirect_uri')).toBe(`${publicUrl}/oauth/upstream/callback`);
    expect(asked.get('nonce')?.length).toBeGreaterThan(20);
    const cookie = visitor.setCookies.find((text) => text.startsWith('slipway_upstream=e')) as string;
    expect(cookie).toMatch(/; Path=\/oauth\/interaction\/[\w-]+; Max-Age=600; HttpOnly; SameSite=Lax$/);
    expect(cookie).not.toContain(asked.get('nonce'));
    const records = await server.server.services.db.selectFrom('oauth_records').selectAll().execute();
    expect(JSON.stringify(records)).not.toContain(asked.get('nonce'));
  });

  test('accepts their invitation by that', async () => {
    const { subject, email } = fresh();
    const invited = await server.request('POST', '/users', {
      token: admin.token,
      body: { email, role: 'viewer' },
    });
    const { answer, visitor, verifier } = await signInAs(subject, {
      email,
      email_verified: true,
      name: 'Ada Lovelace',
    });
    expect(await whoIs(visitor, answer.path, verifier)).toMatchObject({
      uuid: invited.body.data.uuid,
      name: 'Ada Lovelace',
      status: 'active',
      role: 'viewer',
    });
    const token = invited.body.data['invitation-url'].split('/').at(-1);
    const late = await server.request('POST', `/invitations/${token}`, {
      body: { name: 'Eve', password: 'twelve characters' },
    });
    expect([late.status, late.body.message]).toEqual([404, 'Invitation not found.']);
    expect((await audit('system.link-sign-in'))[0].changes).toEqual([
      { path: 'upstream', from: null, to: `${upstream.issuer} ${subject}` },
      { path: 'name', from: null, to: 'Ada Lovelace' },
      { path: 'status', from: 'invited', to: 'active' },
    ]);
  });

  test('is linked once when two windows come back at the same time', async () => {
    const user = await server.makeUser();
    const email = await emailOf(user);
    const { subject } = fresh();
    const answers = await Promise.all(
      [1, 2, 3].map(() => signInAs(subject, { email, email_verified: true })),
    );
    for (const { answer } of answers) expect(answer.text).toContain('Let Slipway command line act for you?');
    const links = await server.server.services.db
      .selectFrom('user_identities')
      .selectAll()
      .where('user_id', '=', user.id)
      .execute();
    expect(links).toHaveLength(1);
  });
});

describe('nobody gets in', () => {
  const refused = async (subject: string, claims: Person, text: string) => {
    const { answer } = await signInAs(subject, claims);
    expect(answer.status).toBe(403);
    expect(answer.text).toContain('<h1>Sign in</h1>');
    expect(answer.text).toContain(text);
    expect((await audit('system.sign-in-failed'))[0]).toMatchObject({
      entity: { type: 'user', name: claims.email ?? subject },
      changes: [{ path: 'upstream', from: null, to: upstream.issuer }],
    });
  };

  test('who was never invited', async () => {
    const { subject, email } = fresh();
    const before = await server.request('GET', '/users?limit=1', { token: admin.token });
    const claims = { email, email_verified: true };
    await refused(
      subject,
      claims,
      `There is no active account for ${email}. Ask an admin for an invitation.`,
    );
    const after = await server.request('GET', '/users?limit=1', { token: admin.token });
    expect(after.body.metadata.total).toBe(before.body.metadata.total);
  });

  test('whose e-mail address is not verified, or not told', async () => {
    const user = await server.makeUser();
    const email = await emailOf(user);
    const { subject } = fresh();
    const text = `${upstream.host} has not verified the e-mail address ${email}, so it opens no account.`;
    await refused(subject, { email, email_verified: false }, text);
    await refused(subject, { email }, text);
    await refused(
      subject,
      {},
      `${upstream.host} does not tell your e-mail address, so no account can be found.`,
    );
  });

  test('who is disabled, linked or not', async () => {
    const disable = (id: string) =>
      server.request('PATCH', `/users/${id}`, { token: admin.token, body: { status: 'disabled' } });
    for (const linkedBefore of [true, false]) {
      const user = await server.makeUser();
      const claims = { email: await emailOf(user), email_verified: true };
      const { subject } = fresh();
      if (linkedBefore) expect((await signInAs(subject, claims)).answer.status).toBe(200);
      await disable(user.id);
      await refused(subject, claims, `There is no active account for ${claims.email}.`);
    }
  });

  test('another subject with the address of somebody who is linked', async () => {
    const user = await server.makeUser();
    const claims = { email: await emailOf(user), email_verified: true };
    expect((await signInAs(fresh().subject, claims)).answer.status).toBe(200);
    await refused(
      fresh().subject,
      claims,
      `The account of ${claims.email} belongs to another user of ${upstream.host}. Ask an admin.`,
    );
  });
});

describe('an answer that does not hold', () => {
  const text = () =>
    `The answer of ${upstream.host} does not hold. Try again; an admin finds the reason in the server’s log.`;
  const minutes = (count: number) => Math.floor(Date.now() / 1000) + count * 60;
  test.each([
    ['another nonce', { nonce: 'another' }],
    ['no nonce', { nonce: undefined }],
    ['another audience', { aud: 'another-client' }],
    ['another issuer', { iss: 'https://evil.example' }],
    ['a time that is over', { iat: minutes(-20), exp: minutes(-10) }],
    ['no expiry', { exp: undefined }],
    ['no subject', { sub: undefined }],
  ])('%s', async (_name, changes) => {
    const user = await server.makeUser();
    upstream.forge = (claims) => ({ ...claims, ...changes }) as typeof claims;
    try {
      const { subject } = fresh();
      const { answer } = await signInAs(subject, { email: await emailOf(user), email_verified: true });
      expect([answer.status, answer.text.includes(text())]).toEqual([400, true]);
    } finally {
      upstream.forge = null;
    }
  });

  test('a signature of another key', async () => {
    const user = await server.makeUser();
    upstream.foreignKey = true;
    try {
      const { answer } = await signInAs(fresh().subject, {
        email: await emailOf(user),
        email_verified: true,
      });
      expect([answer.status, answer.text.includes(text())]).toEqual([400, true]);
    } finally {
      upstream.foreignKey = false;
    }
  });

  test('comes for another browser, another sign-in, or a second time', async () => {
    const user = await server.makeUser();
    const claims = { email: await emailOf(user), email_verified: true };
    const { back, answer, visitor } = await signInAs(fresh().subject, claims);
    expect(answer.status).toBe(200);
    const stranger = await new Visitor(server).visit(back);
    expect(stranger.status).toBe(400);
    expect(stranger.text).toContain('This page is too old, or belongs to another browser.');
    // The interaction went on to consent: the old answer changes nothing any more.
    expect((await visitor.visit(back)).status).toBe(400);

    const second = new Visitor(server);
    const page = await second.visit(authorization(proofKey().challenge));
    const uid = page.path.split('/').at(-1);
    const crafted = `/oauth/upstream/callback?code=x&state=${uid}.${'s'.repeat(43)}`;
    const uninvited = await second.visit(crafted);
    expect(uninvited.status).toBe(400);
    expect(uninvited.text).toContain(`This sign-in at ${upstream.host} is too old. Begin it again.`);
    for (const state of ['', 'x', '../../x.y', `${'u'.repeat(20)}.`]) {
      const bad = await second.visit(`/oauth/upstream/callback?state=${encodeURIComponent(state)}`);
      expect([bad.status, bad.text.includes('This address belongs to no sign-in.')]).toEqual([400, true]);
    }
  });
});

describe('the other provider', () => {
  test('says that the user cancelled', async () => {
    const visitor = new Visitor(server);
    const page = await visitor.visit(authorization(proofKey().challenge));
    const away = await visitor.visit(`${page.path}/upstream`);
    const state = new URL(away.location as string).searchParams.get('state') as string;
    const query = new URLSearchParams({ error: 'access_denied', state, iss: upstream.issuer });
    const answer = await visitor.visit(`/oauth/upstream/callback?${query}`);
    expect(answer.status).toBe(400);
    expect(answer.text).toContain(`You did not sign in at ${upstream.host}.`);
  });

  test('is asked for the password again when the client wants to be sure', async () => {
    const { subject, email } = fresh();
    const claims = { email, email_verified: true };
    const plain = await signInAs(subject, claims, { more: { login_hint: email } });
    const asked = new URL(plain.away.location as string).searchParams;
    expect([asked.get('prompt'), asked.get('login_hint')]).toEqual([null, email]);
    const sure = await signInAs(subject, claims, { more: { prompt: 'login' } });
    expect(new URL(sure.away.location as string).searchParams.get('prompt')).toBe('login');
  });

  test('tells e-mail address and name in the userinfo alone', () =>
    elsewhere({ claimsInIdToken: false }, async (place) => {
      const user = await place.server.makeUser();
      const { email } = await place.server.server.services.db
        .selectFrom('users')
        .select('email')
        .where('id', '=', user.id)
        .executeTakeFirstOrThrow();
      const { answer } = await signInAs('in-userinfo', { email, email_verified: true }, { place });
      expect(answer.text).toContain('Let Slipway command line act for you?');
    }));

  test('refuses our secret', () =>
    elsewhere({ clientSecret: 'not the secret' }, async (place) => {
      const { answer } = await signInAs('anybody', {}, { place });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain(
        `${place.upstream.host} refused the sign-in. An admin finds the reason in the server’s log.`,
      );
    }));

  test('is down or talks nonsense: passwords still work, and it is asked again once it is up', () =>
    elsewhere({}, async (place) => {
      const silent = `${place.upstream.host} does not answer as it should. Sign in with your password, or try again later.`;
      const wrong = `The answer of ${place.upstream.host} does not hold.`;
      const visitor = new Visitor(place.server);
      const page = await visitor.visit(authorization(proofKey().challenge));
      expect(page.text).toContain(`Continue with ${place.upstream.host}`);
      for (const [status, text, answered, told] of [
        [503, 'No upstream.', 502, silent],
        [200, '<html>Welcome</html>', 502, silent],
        [200, 'x'.repeat(2 * 1024 * 1024), 502, silent],
        [302, '', 502, silent],
        [200, '{"issuer":"https://evil.example"}', 400, wrong],
      ] as const) {
        place.upstream.broken = { status, text };
        const answer = await visitor.visit(`${page.path}/upstream`);
        expect([text.slice(0, 20), answer.status]).toEqual([text.slice(0, 20), answered]);
        expect(answer.text).toContain(told);
      }
      place.upstream.broken = null;
      expect((await visitor.visit(`${page.path}/upstream`)).location).toContain(
        `${place.upstream.issuer}/auth?`,
      );
      // It may fall silent in the middle, too.
      const begun = await beginAt(place);
      place.upstream.broken = { status: 503, text: '' };
      expect((await begun.visitor.visit(begun.back)).text).toContain(silent);
      const email = await givePassword(place.server, await place.server.makeUser());
      const good = await visitor.visit(`${page.path}/sign-in`, { email, password });
      expect(good.text).toContain('Let Slipway command line act for you?');
    }));

  test('on an address that is refused is never reached', () =>
    elsewhere({ environment: { SLIPWAY_EGRESS_DENY: '127.0.0.0/8' } }, async (place) => {
      const visitor = new Visitor(place.server);
      const page = await visitor.visit(authorization(proofKey().challenge));
      expect((await visitor.visit(`${page.path}/upstream`)).status).toBe(502);
      expect(place.upstream.requests).toBe(0);
    }));

  test('is asked 60 times a minute for an address, as with a password', () =>
    elsewhere({}, async (place) => {
      const visitor = new Visitor(place.server);
      const page = await visitor.visit(authorization(proofKey().challenge));
      for (let tries = 0; tries < 60; tries += 1) {
        expect((await visitor.visit(`${page.path}/upstream`)).status).toBe(303);
      }
      const answer = await visitor.visit(`${page.path}/upstream`);
      expect(answer.status).toBe(429);
      expect(answer.headers.get('retry-after')).toBe('60');
      expect(answer.text).toContain('Too many attempts. Try again in 60 seconds.');
    }));
});

test('signing out here says that the session there goes on', async () => {
  const user = await server.makeUser();
  const { visitor } = await signInAs(fresh().subject, { email: await emailOf(user), email_verified: true });
  const page = await visitor.visit('/oauth/sign-out');
  expect(page.text).toContain(`You stay signed in at <strong>${upstream.host}</strong>.`);
});
