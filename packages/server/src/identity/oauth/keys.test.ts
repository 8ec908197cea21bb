import { sql } from 'kysely';
import { beforeAll, expect, test } from 'vitest';
import { givePassword, signIn, startOAuthServer } from '../../../test/support/oauth.ts';
import type { TestServer } from '../../../test/support/server.ts';
import { openSigningKeys } from './keys.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startOAuthServer();
});

test('keys change after 30 days: published first, signing later, forgotten at last', async () => {
  const { services } = server.server;
  const { db, vault, settings } = services;
  const age = (interval: string) =>
    sql`UPDATE oauth_keys SET created_at = created_at - ${interval}::interval`.execute(db);
  const token = async () => {
    const email = await givePassword(server, await server.makeUser());
    return (await signIn(server, email)).tokens.access_token as string;
  };
  const first = services.signingKeys.current();
  const old = await token();

  await age('31 days');
  // Another process makes the new keys; this one still signs with the old ones.
  const other = await openSigningKeys(db, vault, settings.publicUrl);
  const both = other.current();
  expect(both.token.map(({ kid }) => kid)).toEqual([first.token[0]?.kid, expect.any(String)]);
  expect(both.token).toHaveLength(2);
  expect(both.cookie).toHaveLength(2);
  expect(both.cookie[0]).toBe(first.cookie[0]);
  expect(await services.signingKeys.refresh()).toBe(true);
  expect(await services.signingKeys.refresh()).toBe(false);

  await age('10 minutes');
  expect(await other.refresh()).toBe(true);
  expect(other.current().token[0]?.kid).toBe(both.token[1]?.kid);
  expect((await other.verify(old)).sub).toBeDefined();

  await age('8 days');
  await other.refresh();
  expect(other.current().token.map(({ kid }) => kid)).toEqual([both.token[1]?.kid]);
  await expect(other.verify(old)).rejects.toThrow();
  const { rows } = await sql<{ count: number }>`
    SELECT count(*)::int FROM vault_entries WHERE purpose = 'oauth-key'`.execute(db);
  expect(rows[0]?.count).toBe(2);
});

test('the private halves are stored sealed', async () => {
  const { db, signingKeys } = server.server.services;
  const { rows } = await sql<{ text: string }>`
    SELECT (SELECT string_agg(k::text, '') FROM oauth_keys k)
      || (SELECT string_agg(encode(sealed, 'escape'), '') FROM vault_entries) AS text`.execute(db);
  const { token, cookie } = signingKeys.current();
  for (const secret of [token[0]?.d as string, cookie[0] as string])
    expect(rows[0]?.text).not.toContain(secret);
});
