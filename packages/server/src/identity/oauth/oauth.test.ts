import { decodeJwt, decodeProtectedHeader } from 'jose';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  authorization,
  callback,
  givePassword,
  password,
  proofKey,
  requestToken,
  signIn,
  startOAuthServer,
  Visitor,
} from '../../../test/support/oauth.ts';
import type { TestServer, TestUser } from '../../../test/support/server.ts';

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startOAuthServer();
  admin = await server.makeUser({ role: 'admin' });
});

async function person(role: 'admin' | 'integrator' | 'viewer' = 'integrator') {
  const user = await server.makeUser({ role });
  return { ...user, email: await givePassword(server, user) };
}
const me = (token: string | undefined) => server.request('GET', '/me', { token });
const refresh = (token: string | undefined) =>
  requestToken(server, { grant_type: 'refresh_token', refresh_token: String(token) });

test('discovery names the endpoints at the public address', async () => {
  const { publicUrl } = server.server.services.settings;
  const { status, body } = await server.request('GET', '/.well-known/openid-configuration');
  expect(status).toBe(200);
  expect(body).toMatchObject({
    issuer: publicUrl,
    authorization_endpoint: `${publicUrl}/oauth/auth`,
    token_endpoint: `${publicUrl}/oauth/token`,
    device_authorization_endpoint: `${publicUrl}/oauth/device/auth`,
    revocation_endpoint: `${publicUrl}/oauth/token/revocation`,
    end_session_endpoint: `${publicUrl}/oauth/sign-out`,
    jwks_uri: `${publicUrl}/oauth/jwks`,
    code_challenge_methods_supported: ['S256'],
    id_token_signing_alg_values_supported: ['ES256'],
  });
  const forged = await server.request('GET', '/.well-known/openid-configuration', {
    headers: { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' },
  });
  expect(forged.body.token_endpoint).toBe(`${publicUrl}/oauth/token`);
  const jwks = JSON.parse((await server.request('GET', '/oauth/jwks')).text);
  expect(jwks.keys).toHaveLength(1);
  expect(jwks.keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' });
  expect(jwks.keys[0]).not.toHaveProperty('d');
});

test('behind HTTPS cookies are secure, and addresses are those of the proxy', async () => {
  const secure = await startOAuthServer({ SLIPWAY_PUBLIC_URL: 'https://slipway.example' });
  const answer = await secure.request('GET', authorization(proofKey().challenge));
  expect(answer.status).toBe(303);
  const cookies = answer.headers.getSetCookie();
  expect(cookies.length).toBeGreaterThan(0);
  for (const cookie of cookies) expect(cookie).toMatch(/; secure/i);
  const { body } = await secure.request('GET', '/.well-known/openid-configuration');
  expect(body.token_endpoint).toBe('https://slipway.example/oauth/token');
});

describe('authorization code with PKCE', () => {
  test('gives an access token of 15 minutes that the API takes, narrowed by the role', async () => {
    const user = await person();
    const { tokens, visitor } = await signIn(server, user.email);
    expect(tokens).toMatchObject({ token_type: 'Bearer', expires_in: 900 });
    const access = tokens.access_token as string;
    expect(decodeProtectedHeader(access)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' });
    expect(decodeJwt(access)).toMatchObject({
      iss: server.server.services.settings.publicUrl,
      sub: user.id,
      client_id: 'slipway-cli',
    });
    const { status, body } = await me(access);
    expect(status).toBe(200);
    expect(body.data).toMatchObject({ uuid: user.id, scopes: ['connectors:read', 'runs:read'] });
    for (const cookie of visitor.setCookies.filter((text) => !/=;/.test(text))) {
      expect(cookie).toMatch(/httponly/i);
      expect(cookie).toMatch(/samesite=lax/i);
    }
    expect(decodeJwt(tokens.id_token as string)).toMatchObject({ sub: user.id, aud: 'slipway-cli' });
  });

  test('a changed token, one for somebody else, and an ID token are refused', async () => {
    const user = await person();
    const { tokens } = await signIn(server, user.email);
    const [header, payload, signature] = (tokens.access_token as string).split('.');
    const claims = JSON.parse(Buffer.from(payload as string, 'base64url').toString());
    const changed = Buffer.from(JSON.stringify({ ...claims, sub: admin.id })).toString('base64url');
    const none = Buffer.from('{"alg":"none","typ":"at+jwt"}').toString('base64url');
    for (const token of [`${header}.${changed}.${signature}`, `${none}.${payload}.`, tokens.id_token]) {
      const answer = await me(token);
      expect(answer.status).toBe(401);
      expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="slipway", error="invalid_token"');
    }
  });

  test('needs the proof key, and takes a code only once', async () => {
    const user = await person();
    const without = await new Visitor(server).visit(
      authorization('x').replace(/&code_challenge=x&code_challenge_method=S256/, ''),
    );
    expect(new URL(without.location as string).searchParams.get('error')).toBe('invalid_request');
    const { exchange, tokens } = await signIn(server, user.email);
    const again = await requestToken(server, exchange);
    expect(again).toMatchObject({ status: 400, body: { error: 'invalid_grant' } });
    // Who has the code has stolen it: what it gave is over.
    expect((await me(tokens.access_token)).status).toBe(401);
  });

  test('an unknown client or redirect address is told to the person, not to the address', async () => {
    for (const more of [{ client_id: 'nobody' }, { redirect_uri: 'https://evil.example/cb' }]) {
      const page = await new Visitor(server).visit(authorization(proofKey().challenge, more));
      expect(page).toMatchObject({ status: 400, location: null });
      expect(page.text).toContain('<h1>That did not work</h1>');
      expect(page.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
    }
  });

  test('cancelling tells the client', async () => {
    const visitor = new Visitor(server);
    const page = await visitor.visit(authorization(proofKey().challenge));
    const done = await visitor.visit(`${page.path}/cancel`, {});
    expect(done.location).toContain(`${callback}?error=access_denied`);
  });
});

describe('the sign-in page', () => {
  test('answers unknown and wrong alike, and writes both down', async () => {
    const user = await person();
    const texts = [];
    for (const email of [user.email, 'nobody@example.com']) {
      const visitor = new Visitor(server);
      const page = await visitor.visit(authorization(proofKey().challenge));
      const answer = await visitor.visit(`${page.path}/sign-in`, { email, password: 'wrong password' });
      expect(answer.status).toBe(400);
      expect(answer.text).toContain('E-mail address or password is wrong.');
      texts.push(answer.text.replaceAll(email, '').replaceAll(page.path, ''));
    }
    expect(texts[0]).toBe(texts[1]);
    const audit = await server.request('GET', '/audit-events?action=system.sign-in-failed', {
      token: admin.token,
    });
    expect(audit.body.data.slice(0, 2)).toMatchObject([
      { entity: { type: 'user', id: '', name: 'nobody@example.com' }, actor: { kind: 'system' } },
      { entity: { type: 'user', id: user.id, name: user.email } },
    ]);
  });

  test('belongs to one browser, and takes no form of another site', async () => {
    const user = await person();
    const visitor = new Visitor(server);
    const page = await visitor.visit(authorization(proofKey().challenge));
    const form = { email: user.email, password };
    const other = await new Visitor(server).visit(`${page.path}/sign-in`, form);
    expect(other.status).toBe(400);
    expect(other.text).toContain('belongs to another browser');
    const foreign = await visitor.visit(`${page.path}/sign-in`, form, { 'sec-fetch-site': 'cross-site' });
    expect(foreign.status).toBe(403);
    const good = await visitor.visit(`${page.path}/sign-in`, form, { 'sec-fetch-site': 'same-origin' });
    expect(good.text).toContain('Let Slipway command line act for you?');
  });

  test('lets nobody in who is disabled', async () => {
    const user = await person();
    await server.request('PATCH', `/users/${user.id}`, { token: admin.token, body: { status: 'disabled' } });
    const visitor = new Visitor(server);
    const page = await visitor.visit(authorization(proofKey().challenge));
    const answer = await visitor.visit(`${page.path}/sign-in`, { email: user.email, password });
    expect(answer.status).toBe(400);
  });
});

describe('refresh tokens', () => {
  test('rotate; one used twice ends the sign-in', async () => {
    const user = await person();
    const { tokens } = await signIn(server, user.email);
    const second = await refresh(tokens.refresh_token);
    expect(second.status).toBe(200);
    expect(second.body.refresh_token).not.toBe(tokens.refresh_token);
    expect((await me(second.body.access_token)).status).toBe(200);
    expect(await refresh(tokens.refresh_token)).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    });
    expect((await refresh(second.body.refresh_token)).status).toBe(400);
    expect((await me(second.body.access_token)).status).toBe(401);
  });

  test('used twice at the same time give one answer at most, and end the sign-in', async () => {
    const user = await person();
    const { tokens } = await signIn(server, user.email);
    const answers = await Promise.all([1, 2, 3].map(() => refresh(tokens.refresh_token)));
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThan(2);
    expect((await me(tokens.access_token)).status).toBe(401);
  });

  test('stop with the user, and come back with them', async () => {
    const user = await person();
    const { tokens } = await signIn(server, user.email);
    const set = (status: string) =>
      server.request('PATCH', `/users/${user.id}`, { token: admin.token, body: { status } });
    await set('disabled');
    expect((await me(tokens.access_token)).status).toBe(401);
    expect((await refresh(tokens.refresh_token)).status).toBe(400);
    await set('active');
    expect((await me(tokens.access_token)).status).toBe(200);
  });

  test('are stored as hashes', async () => {
    const { tokens } = await signIn(server, (await person()).email);
    const rows = await server.server.services.db.selectFrom('oauth_records').selectAll().execute();
    expect(JSON.stringify(rows)).not.toContain(tokens.refresh_token);
  });

  test('are revoked, and with them the access token', async () => {
    const { tokens } = await signIn(server, (await person()).email);
    const form = { token: tokens.refresh_token as string };
    expect((await requestToken(server, form, {}, '/oauth/token/revocation')).status).toBe(200);
    expect((await refresh(tokens.refresh_token)).status).toBe(400);
    expect((await me(tokens.access_token)).status).toBe(401);
  });
});

test('signing out ends the browser session, not a sign-in of the command line', async () => {
  const { tokens, visitor } = await signIn(server, (await person()).email);
  const page = await visitor.visit('/oauth/sign-out');
  expect(page.text).toContain('<h1>Sign out?</h1>');
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.text)?.[1] as string;
  const done = await visitor.visit('/oauth/sign-out/confirm', { xsrf, logout: 'yes' });
  expect(done.text).toContain('<h1>Signed out</h1>');
  expect((await me(tokens.access_token)).status).toBe(200);
  const again = await visitor.visit(authorization(proofKey().challenge));
  expect(again.text).toContain('<h1>Sign in</h1>');
});

test('the portal signs in without a question, and out with the browser', async () => {
  const { publicUrl } = server.server.services.settings;
  const user = await person();
  const visitor = new Visitor(server);
  const { verifier, challenge } = proofKey();
  const redirect_uri = `${publicUrl}/portal/sign-in`;
  const page = await visitor.visit(authorization(challenge, { client_id: 'slipway-portal', redirect_uri }));
  const done = await visitor.visit(`${page.path}/sign-in`, { email: user.email, password });
  const code = new URL(done.path, publicUrl).searchParams.get('code') as string;
  const { body } = await requestToken(server, {
    grant_type: 'authorization_code',
    client_id: 'slipway-portal',
    code,
    redirect_uri,
    code_verifier: verifier,
  });
  expect((await me(body.access_token)).status).toBe(200);
  const out = await visitor.visit('/oauth/sign-out');
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(out.text)?.[1] as string;
  await visitor.visit('/oauth/sign-out/confirm', { xsrf, logout: 'yes' });
  expect((await me(body.access_token)).status).toBe(401);
});
