import { beforeAll, describe, expect, test } from 'vitest';
import { givePassword, requestToken, startOAuthServer } from '../../../test/support/oauth.ts';
import type { TestServer, TestUser } from '../../../test/support/server.ts';
import { newId } from '../../ids.ts';

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startOAuthServer();
  admin = await server.makeUser({ role: 'admin' });
});

const create = (body: unknown) => server.request('POST', '/oauth-clients', { token: admin.token, body });
const machine = async (user: string, scopes = ['connectors:read', 'admin']) =>
  (await create({ name: 'CI', kind: 'confidential', 'grant-types': ['client_credentials'], scopes, user }))
    .body.data;
const credentials = (id: string, secret: string) => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});
async function machineToken(id: string, secret: string, scope = 'connectors:read admin') {
  const response = await fetch(`${server.url}/oauth/token`, {
    method: 'POST',
    headers: credentials(id, secret),
    body: new URLSearchParams({ grant_type: 'client_credentials', scope }),
  });
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  return { status: response.status, body: (await response.json()) as any };
}

describe('client credentials', () => {
  test('act for the user of the client, as the client', async () => {
    const user = await server.makeUser();
    const client = await machine(user.id);
    const { status, body } = await machineToken(client['client-id'], client['client-secret']);
    expect(status).toBe(200);
    expect(body).toMatchObject({ token_type: 'Bearer', expires_in: 900 });
    expect(body).not.toHaveProperty('refresh_token');
    const me = await server.request('GET', '/me', { token: body.access_token });
    expect(me.body.data).toMatchObject({ uuid: user.id, scopes: ['connectors:read'] });
    const password = await server.request('PUT', '/me/password', {
      token: body.access_token,
      body: { current: 'x', new: 'a long password' },
    });
    expect(password.status).toBe(403);
  });

  test('are refused with a wrong secret, and stop with the user and the client', async () => {
    const user = await server.makeUser();
    const client = await machine(user.id);
    const id = client['client-id'];
    expect(await machineToken(id, 'wrong')).toMatchObject({ status: 401, body: { error: 'invalid_client' } });
    const { body } = await machineToken(id, client['client-secret']);
    const works = async () => (await server.request('GET', '/me', { token: body.access_token })).status;
    const set = (status: string) =>
      server.request('PATCH', `/users/${user.id}`, { token: admin.token, body: { status } });
    await set('disabled');
    expect(await works()).toBe(401);
    await set('active');
    expect(await works()).toBe(200);
    const gone = await server.request('DELETE', `/oauth-clients/${id}`, { token: admin.token });
    expect(gone.status).toBe(204);
    expect(await works()).toBe(401);
    expect((await machineToken(id, client['client-secret'])).status).toBe(401);
  });

  test('give no scope that the client does not have', async () => {
    const client = await machine(admin.id, ['runs:read']);
    const { body } = await machineToken(client['client-id'], client['client-secret'], 'runs:read admin');
    const me = await server.request('GET', '/me', { token: body.access_token });
    expect(me.body.data.scopes).toEqual(['runs:read']);
  });
});

describe('OAuth clients', () => {
  test('are created with a secret that is shown once, listed and deleted', async () => {
    const user = await server.makeUser();
    await givePassword(server, user);
    const body = {
      name: 'Dashboard',
      kind: 'confidential',
      'grant-types': ['authorization_code', 'refresh_token'],
      'redirect-uris': ['https://dashboard.example/cb', 'http://127.0.0.1:9000/cb'],
      scopes: ['runs:read'],
    };
    const created = await create(body);
    expect(created.status).toBe(201);
    expect(created.body).toMatchObject({
      message: 'OAuth client created.',
      resource: 'oauth-client',
      data: { ...body, user: null },
    });
    expect(Object.keys(created.body.data)).toEqual([
      'client-id',
      'name',
      'kind',
      'redirect-uris',
      'grant-types',
      'scopes',
      'user',
      'created-at',
      'client-secret',
    ]);
    const secret = created.body.data['client-secret'];
    expect(secret).toMatch(/^[\w-]{43}$/);
    const id = created.body.data['client-id'];
    const list = await server.request('GET', '/oauth-clients', { token: admin.token });
    expect(list.body.data[0]).toMatchObject({ 'client-id': id });
    const stored = await server.server.services.db.selectFrom('oauth_clients').selectAll().execute();
    expect(list.text + JSON.stringify(stored)).not.toContain(secret);

    // The provider knows it at once, and no more once it is gone.
    const form = { grant_type: 'refresh_token', refresh_token: 'none' };
    const asClient = () =>
      fetch(`${server.url}/oauth/token`, {
        method: 'POST',
        headers: credentials(id, secret),
        body: new URLSearchParams(form),
      }).then((response) => response.json());
    expect(await asClient()).toMatchObject({ error: 'invalid_grant' });
    const remove = (clientId: string) =>
      server.request('DELETE', `/oauth-clients/${clientId}`, { token: admin.token });
    expect((await remove(id)).status).toBe(204);
    expect(await asClient()).toMatchObject({ error: 'invalid_client' });
    for (const missing of [id, newId(), 'slipway-cli']) {
      expect((await remove(missing)).body).toEqual({ message: 'OAuth client not found.' });
    }
  });

  test('that are public have no secret', async () => {
    const { body } = await create({
      name: 'App',
      kind: 'public',
      'grant-types': ['urn:ietf:params:oauth:grant-type:device_code'],
      scopes: ['runs:read'],
    });
    expect(body.data).toMatchObject({ 'client-secret': null, 'redirect-uris': [] });
    const client_id = body.data['client-id'];
    const device = await requestToken(server, { client_id, scope: 'runs:read' }, {}, '/oauth/device/auth');
    expect(device.status).toBe(200);
  });

  const good = { name: 'A', kind: 'confidential', 'grant-types': ['refresh_token'], scopes: ['runs:read'] };
  test.each<[object, Record<string, string>]>([
    [{ name: '' }, { name: 'This value should not be blank.' }],
    [{ kind: 'secret' }, { kind: 'The value you selected is not a valid choice.' }],
    [{ 'grant-types': ['password'] }, { 'grant-types': 'The value you selected is not a valid choice.' }],
    [
      { kind: 'public', 'grant-types': ['client_credentials'], user: newId() },
      { 'grant-types': 'A public client can not use client_credentials.' },
    ],
    [{ 'grant-types': ['authorization_code'] }, { 'redirect-uris': 'This value should not be blank.' }],
    [{ 'redirect-uris': ['http://example.com'] }, { 'redirect-uris[0]': 'This value is not a valid URL.' }],
    [{ 'redirect-uris': ['https://a.b/#c'] }, { 'redirect-uris[0]': 'This value is not a valid URL.' }],
    [{ scopes: ['all'] }, { scopes: 'The value you selected is not a valid choice.' }],
    [{ 'grant-types': ['client_credentials'] }, { user: 'This value should not be blank.' }],
    [{ 'grant-types': ['client_credentials'], user: newId() }, { user: 'User not found.' }],
  ])('%j is refused', async (change, errors) => {
    expect((await create({ ...good, ...change })).body).toEqual({ message: 'Bad request.', errors });
  });
});
