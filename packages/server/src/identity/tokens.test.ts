import { scopes } from '@slipway/contract';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { newId, sha256 } from '../ids.ts';
import { issueToken } from './tokens.ts';

let server: TestServer;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  admin = await server.makeUser({ role: 'admin' });
});

const create = (user: TestUser, body: unknown) =>
  server.request('POST', '/tokens', { token: user.token, body });
const list = (user: TestUser, query = '') => server.request('GET', `/tokens${query}`, { token: user.token });
const remove = (user: TestUser, id: string) =>
  server.request('DELETE', `/tokens/${id}`, { token: user.token });
const me = (token: string) => server.request('GET', '/me', { token });

describe('creating a token', () => {
  test('shows it once, works, and leaves only its hash', async () => {
    const user = await server.makeUser();
    const { status, body } = await create(user, {
      name: 'CI',
      scopes: ['runs:read', 'connectors:read', 'runs:read'],
    });
    expect(status).toBe(201);
    expect(body).toMatchObject({ message: 'Token created.', resource: 'token' });
    expect(Object.keys(body.data)).toEqual([
      'id',
      'name',
      'prefix',
      'scopes',
      'user',
      'expires-at',
      'last-used-at',
      'created-at',
      'token',
    ]);
    const { token, ...shown } = body.data;
    expect(token).toMatch(/^slw_[A-Za-z0-9]{40}$/);
    expect(shown).toMatchObject({
      name: 'CI',
      prefix: token.slice(0, 8),
      scopes: ['runs:read', 'connectors:read'],
      user: user.id,
      'last-used-at': null,
    });
    const days = (Date.parse(shown['expires-at']) - Date.parse(shown['created-at'])) / 86_400_000;
    expect(days).toBe(90);
    expect((await me(token)).body.data.scopes).toEqual(['connectors:read', 'runs:read']);

    const listed = await list(user);
    expect(listed.body.data[0]).toEqual({ ...shown, 'last-used-at': expect.stringMatching(/^20/) });
    expect(listed.text).not.toContain(token);
    const { db } = server.server.services;
    const audit = await sql<{ row: string }>`SELECT e::text AS row FROM audit_events e`.execute(db);
    expect(JSON.stringify(audit.rows)).not.toContain(token.slice(8));
    const tokens = await sql<{ row: string }>`SELECT t::text AS row FROM tokens t`.execute(db);
    expect(JSON.stringify(tokens.rows)).not.toContain(token.slice(8));
    expect(JSON.stringify(tokens.rows)).toContain(sha256(token).toString('hex'));
  });

  test('of an expiry of its own', async () => {
    const { body } = await create(admin, { name: 'Day', scopes: ['admin'], 'expires-in-days': 1 });
    expect(Date.parse(body.data['expires-at']) - Date.parse(body.data['created-at'])).toBe(86_400_000);
  });

  const choice = 'The value you selected is not a valid choice.';
  const blank = 'This value should not be blank.';
  const range = 'This value should be between 1 and 365.';
  test.each<[unknown, Record<string, string>]>([
    [{}, { name: blank, scopes: blank }],
    [{ name: 'N', scopes: [] }, { scopes: blank }],
    [{ name: 'N', scopes: ['runs:read', 'all'] }, { scopes: choice }],
    [{ name: 'N', scopes: 'admin' }, { scopes: 'This value does not have valid array.' }],
    [{ name: 'N', scopes: ['runs:read'], 'expires-in-days': 0 }, { 'expires-in-days': range }],
    [{ name: 'N', scopes: ['runs:read'], 'expires-in-days': 366 }, { 'expires-in-days': range }],
    [
      { name: 'N', scopes: ['runs:read'], 'expires-in-days': 1.5 },
      { 'expires-in-days': 'This value does not have valid integer.' },
    ],
    [{ name: 'N', scopes: ['runs:read'], user: 'me' }, { user: 'This field was not expected.' }],
  ])('%j is refused', async (body, errors) => {
    const answer = await create(admin, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  });

  test('wider than the token of the call is refused', async () => {
    const integrator = await server.makeUser();
    expect((await create(integrator, { name: 'N', scopes: ['admin', 'runs:read'] })).body).toEqual({
      message: 'Bad request.',
      errors: { scopes: 'You can not grant: admin' },
    });
    const narrow = await server.makeUser({ role: 'admin', scopes: ['runs:read'] });
    expect(
      (await create(narrow, { name: 'N', scopes: ['admin', 'runs:read', 'secrets:write'] })).body.errors,
    ).toEqual({
      scopes: 'You can not grant: admin, secrets:write',
    });
    expect((await create(narrow, { name: 'N', scopes: ['runs:read'] })).status).toBe(201);
  });
});

describe('the list of tokens', () => {
  test("is of one's own; an admin may ask for another user's", async () => {
    const user = await server.makeUser();
    await create(user, { name: 'Second', scopes: ['runs:read'] });
    const names = async (as: TestUser, query = '') =>
      (await list(as, query)).body.data.map(({ name }: { name: string }) => name);
    expect(await names(user)).toEqual(['Second', 'test']);
    expect(await names(admin, `?user=${user.id}`)).toEqual(['Second', 'test']);
    const other = await server.makeUser();
    expect(await names(other, `?user=${user.id}`)).toEqual([]);
    const narrow = await server.makeUser({ role: 'admin', scopes: ['connectors:read'] });
    expect(await names(narrow, `?user=${user.id}`)).toEqual([]);
    expect((await list(admin, '?user=me')).body.errors).toEqual({ user: 'This is not a valid UUID.' });
  });
});

describe('deleting a token', () => {
  const made = async (user: TestUser) => (await create(user, { name: 'T', scopes: ['runs:read'] })).body.data;

  test('stops it at once', async () => {
    const user = await server.makeUser({ role: 'viewer' });
    const { id, token } = await made(user);
    expect((await me(token)).status).toBe(200);
    expect((await remove(user, id)).status).toBe(204);
    const after = await me(token);
    expect(after.status).toBe(401);
    expect(after.headers.get('www-authenticate')).toBe('Bearer realm="slipway", error="invalid_token"');
    expect((await remove(user, id)).body).toEqual({ message: 'Token not found.' });
  });

  test('of others is for admins alone', async () => {
    const { id } = await made(await server.makeUser());
    expect((await server.request('DELETE', `/tokens/${id}`)).status).toBe(401);
    const narrow = await server.makeUser({ role: 'admin', scopes: ['connectors:write'] });
    for (const user of [await server.makeUser(), await server.makeUser({ role: 'viewer' }), narrow]) {
      expect((await remove(user, id)).body).toEqual({ message: 'Token not found.' });
    }
    expect((await remove(admin, id)).status).toBe(204);
    expect((await remove(admin, newId())).status).toBe(404);
    expect((await remove(admin, 'x')).body.errors).toEqual({ tokenId: 'This is not a valid UUID.' });
  });
});

test('a token that has expired is no token', async () => {
  const { db } = server.server.services;
  const { id, token } = await issueToken(db, admin.id, { name: 'Old', scopes, expiresInDays: 1 });
  await sql`UPDATE tokens SET expires_at = now() - interval '1 second' WHERE id = ${id}`.execute(db);
  expect((await me(token)).status).toBe(401);
});

test('tokens are made of letters and digits, each as likely as the others', async () => {
  const { db } = server.server.services;
  const counts = new Map<string, number>();
  const issued = await Promise.all(
    Array.from({ length: 250 }, () => issueToken(db, admin.id, { name: 'T', scopes: [], expiresInDays: 1 })),
  );
  for (const { token } of issued) {
    for (const letter of token.slice(4)) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  }
  expect(new Set(issued.map(({ token }) => token)).size).toBe(250);
  expect(counts.size).toBe(62);
  // 10,000 letters: 161 of each on average, with a deviation of 12.6; a bias of a byte modulo 62 would reach 1.25.
  const expected = 10_000 / 62;
  const chiSquare = [...counts.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  expect(chiSquare).toBeLessThan(150);
});
