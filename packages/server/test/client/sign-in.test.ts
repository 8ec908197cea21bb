import { createClient } from '@slipway/client';
import { connectOAuth, session, type TokenSet } from '@slipway/client/oauth';
import { beforeAll, expect, test } from 'vitest';
import { callback, givePassword, password, startOAuthServer, Visitor } from '../support/oauth.ts';
import type { TestServer, TestUser } from '../support/server.ts';

let server: TestServer;
let url: string;
let user: TestUser;
let email: string;

beforeAll(async () => {
  server = await startOAuthServer();
  url = server.server.services.settings.publicUrl;
  user = await server.makeUser();
  email = await givePassword(server, user);
});

const meOf = (token: string) => createClient({ url: server.url, token, retries: 0 }).meShow();

test('a program signs a user in by code and PKCE, renews while it works, and ends the sign-in', async () => {
  const oauth = await connectOAuth({ url, clientId: 'slipway-cli' });
  const { url: address, verifier, state } = await oauth.startCode(callback, ['openid', 'connectors:read']);
  const visitor = new Visitor(server);
  const page = await visitor.visit(address);
  const consent = await visitor.visit(`${page.path}/sign-in`, { email, password });
  const { location } = await visitor.visit(`${consent.path}/allow`, {});

  await expect(oauth.finishCode(location as string, { verifier, state: 'another' })).rejects.toThrow(
    'unexpected "state" response parameter value',
  );
  const tokens = await oauth.finishCode(location as string, { verifier, state });
  expect(tokens.expiresAt).toBeGreaterThan(Date.now());
  expect(await meOf(tokens.accessToken)).toMatchObject({ uuid: user.id, scopes: ['connectors:read'] });

  const stored: TokenSet[] = [];
  const token = session(
    { ...tokens, expiresAt: 0 },
    {
      renew: ({ refreshToken }) => oauth.refresh(refreshToken as string),
      onTokens: (next) => void stored.push(next),
    },
  );
  const client = createClient({ url: server.url, token });
  // Renewed once for all: a refresh token that comes twice would end the sign-in.
  const answers = await Promise.all(Array.from({ length: 10 }, () => client.meShow()));
  expect(answers.map(({ uuid }) => uuid)).toEqual(Array(10).fill(user.id));
  expect(stored).toHaveLength(1);
  expect(stored[0]?.refreshToken).not.toBe(tokens.refreshToken);

  await oauth.revoke(stored[0]?.refreshToken as string);
  await expect(meOf(stored[0]?.accessToken as string)).rejects.toMatchObject({ status: 401 });
  await expect(client.meShow()).rejects.toMatchObject({
    name: 'OAuthError',
    code: 'invalid_grant',
    message: 'grant request is invalid',
  });
});

test('a terminal waits until its user has allowed it in a browser', async () => {
  const oauth = await connectOAuth({ url, clientId: 'slipway-cli' });
  const device = await oauth.startDevice(['runs:read']);
  expect(device).toMatchObject({ verificationUri: `${url}/oauth/device`, expiresIn: 600 });
  const waiting = device.tokens();
  const visitor = new Visitor(server);
  const question = await visitor.visit(device.verificationUriComplete as string);
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(question.text)?.[1] as string;
  const page = await visitor.visit('/oauth/device', { xsrf, user_code: device.userCode, confirm: 'yes' });
  const consent = await visitor.visit(`${page.path}/sign-in`, { email, password });
  await visitor.visit(`${consent.path}/allow`, {});
  const { accessToken } = await waiting;
  expect(await meOf(accessToken)).toMatchObject({ uuid: user.id, scopes: ['runs:read'] });
});

test('a terminal that is stopped waits no longer', async () => {
  const oauth = await connectOAuth({ url, clientId: 'slipway-cli' });
  const device = await oauth.startDevice(['runs:read']);
  const stop = new AbortController();
  const waiting = device.tokens({ signal: stop.signal });
  stop.abort(new Error('Enough.'));
  await expect(waiting).rejects.toThrow('Enough.');
});

test('a machine signs in by itself, as often as it needs', async () => {
  const admin = server.client(await server.makeUser({ role: 'admin' }));
  const machine = await admin.oauthClientCreate({
    body: {
      name: 'Nightly build',
      kind: 'confidential',
      'grant-types': ['client_credentials'],
      scopes: ['connectors:read'],
      user: user.id,
    },
  });
  const clientId = machine['client-id'];
  const oauth = await connectOAuth({ url, clientId, clientSecret: machine['client-secret'] as string });
  const renew = () => oauth.clientCredentials(['connectors:read']);
  const token = session(await renew(), { renew });
  expect(await createClient({ url: server.url, token }).meShow()).toMatchObject({
    uuid: user.id,
    scopes: ['connectors:read'],
  });
  const wrong = await connectOAuth({ url, clientId, clientSecret: 'wrong' });
  await expect(wrong.clientCredentials(['connectors:read'])).rejects.toMatchObject({
    name: 'OAuthError',
    code: 'invalid_client',
    message: 'client authentication failed',
  });
});

test('a server that is out of reach is named', async () => {
  await expect(connectOAuth({ url: 'http://127.0.0.1:1', clientId: 'slipway-cli' })).rejects.toMatchObject({
    name: 'ConnectionError',
    message: expect.stringMatching(/^The connection to http:\/\/127\.0\.0\.1:1 failed: /),
  });
});

test('a server that is not the issuer it is asked as is not trusted', async () => {
  const port = new URL(url).port;
  await expect(connectOAuth({ url: `http://127.0.0.1:${port}`, clientId: 'slipway-cli' })).rejects.toThrow(
    'discovered metadata issuer does not match the expected issuer',
  );
});
