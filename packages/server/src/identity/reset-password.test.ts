import { expect, test } from 'vitest';
import { runMain } from '../../test/support/main.ts';
import {
  authorization,
  givePassword,
  proofKey,
  signIn,
  startOAuthServer,
  Visitor,
} from '../../test/support/oauth.ts';

// The program is started three times, each time as a process of its own.
test('an operator gives an account back with a password to hand over', { timeout: 120_000 }, async () => {
  const server = await startOAuthServer();
  const { services } = server.server;
  const user = await server.makeUser();
  const email = await givePassword(server, user);
  const { tokens } = await signIn(server, email);
  await services.db
    .insertInto('user_identities')
    .values({ issuer: 'https://id.example', subject: 'somebody', user_id: user.id })
    .execute();
  const settings = {
    SLIPWAY_HOME: server.home,
    SLIPWAY_DATABASE_URL: services.settings.databaseUrl as string,
  };
  const done = await runMain(['user', 'reset-password', email.toUpperCase()], settings);
  expect(done).toMatchObject({ code: 0, stderr: '' });
  const given = /^Password of \S+: ((?:[a-z2-9]{5}-){3}[a-z2-9]{5})\n/.exec(done.stdout)?.[1] as string;
  expect(done.stdout).toContain(
    'Shown this once; signing in with it asks for one of their own. All their sign-ins have ended.',
  );
  expect((await server.request('GET', '/me', { token: tokens.access_token })).status).toBe(401);
  expect(await services.db.selectFrom('user_identities').selectAll().execute()).toEqual([]);
  const visitor = new Visitor(server);
  const page = await visitor.visit(authorization(proofKey().challenge));
  const next = await visitor.visit(`${page.path}/sign-in`, { email, password: given });
  expect(next.text).toContain('<h1>Choose your password</h1>');
  const event = await services.db
    .selectFrom('audit_events')
    .select(['entity_id', 'entity_name', 'changes'])
    .where('action', '=', 'system.reset-password')
    .executeTakeFirstOrThrow();
  expect(event).toEqual({
    entity_id: user.id,
    entity_name: email,
    changes: [{ path: 'password', from: '***', to: '***' }],
  });

  expect(await runMain(['user', 'reset-password', 'nobody@example.com'], settings)).toMatchObject({
    code: 1,
    stderr: 'There is no active user with the e-mail address nobody@example.com.\n',
  });
  expect(await runMain(['user', 'remove'], settings)).toMatchObject({
    code: 2,
    stderr:
      'Unknown: user remove. Use serve (default), settings, keys rotate or user reset-password <email>.\n',
  });
});
