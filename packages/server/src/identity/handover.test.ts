import { expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer } from '../../test/support/server.ts';
import { badRequest } from '../../test/support/version-calls.ts';
import { newId } from '../ids.ts';

const server = await startTestServer();
const { db } = server.server.services;
const admin = await server.makeUser({ role: 'admin' });

async function handover(body: object) {
  const answer = await server.request('POST', '/handover', { token: admin.token, body });
  return [answer.status, answer.body];
}

test('who hands over, and to whom, is checked', async () => {
  const { id } = await server.makeUser();
  const blank = 'This value should not be blank.';
  expect(await handover({})).toEqual(badRequest({ from: blank, to: blank }));
  expect(await handover({ from: 'x', to: 3 })).toEqual(
    badRequest({ from: 'This is not a valid UUID.', to: 'This value does not have valid string.' }),
  );
  expect(await handover({ from: newId(), to: newId() })).toEqual(
    badRequest({ from: 'User not found.', to: 'User not found.' }),
  );
  expect(await handover({ from: id, to: newId() })).toEqual(badRequest({ to: 'User not found.' }));
  expect(await handover({ from: id, to: id.toUpperCase() })).toEqual(
    badRequest({ to: 'The two users must differ.' }),
  );
});

test('everything of one user becomes the other’s', async () => {
  const [shared, own] = [await server.makeOrganization(), await server.makeOrganization()];
  // Owned by the user, who joins organizations only later.
  const from = await server.makeUser();
  const connector = await makeConnector(server, from);
  const binned = await makeConnector(server, from);
  await server.request('PATCH', `/connectors/${binned.id}/move-to-bin`, { token: from.token });
  await server.request('PUT', '/secrets/handed/over', { token: from.token, body: { fields: { key: 'v' } } });
  await server.request('POST', '/buckets', { token: from.token, body: { name: 'Exchange' } });
  const to = await server.makeUser({ organizations: [shared] });
  await db.insertInto('buckets').values({ id: newId(), name: 'Exchange', owner_id: to.id }).execute();
  for (const organization_id of [shared, own]) {
    await db.insertInto('organization_members').values({ organization_id, user_id: from.id }).execute();
  }
  const state = newId();
  await db
    .insertInto('states')
    .values({
      id: state,
      name: 'build',
      status: 'done',
      owner_id: from.id,
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      config: '{}',
    })
    .execute();
  for (const [user, target, right] of [
    [from, 1, 'admin'],
    [from, 2, 'read'],
    [from, 3, 'write'],
    [to, 1, 'read'],
    [to, 2, 'write'],
  ] as const) {
    await db
      .insertInto('memberships')
      .values({ id: newId(), user_id: user.id, level: 'account', target, right })
      .execute();
  }
  expect(await handover({ from: from.id, to: to.id })).toEqual([
    200,
    { message: 'All resources have been transferred to the new user.' },
  ]);
  const owners = await db
    .selectFrom('connectors')
    .select('owner_id')
    .where('id', 'in', [connector.id, binned.id])
    .execute();
  expect(owners).toEqual([{ owner_id: to.id }, { owner_id: to.id }]);
  const buckets = await db
    .selectFrom('buckets')
    .select('name')
    .where('owner_id', '=', to.id)
    .orderBy('name')
    .execute();
  expect(buckets).toEqual([{ name: 'Exchange' }, { name: 'Exchange 2' }]);
  const secret = await db
    .selectFrom('secrets')
    .select('owner_id')
    .where('path', '=', 'handed/over')
    .executeTakeFirstOrThrow();
  expect(secret.owner_id).toBe(to.id);
  const moved = await db
    .selectFrom('states')
    .select('owner_id')
    .where('id', '=', state)
    .executeTakeFirstOrThrow();
  expect(moved.owner_id).toBe(to.id);
  const members = await db
    .selectFrom('organization_members')
    .select(['organization_id', 'user_id'])
    .where('organization_id', 'in', [shared, own])
    .orderBy('place')
    .execute();
  expect(members).toEqual([
    { organization_id: shared, user_id: to.id },
    { organization_id: own, user_id: to.id },
  ]);
  const memberships = await db
    .selectFrom('memberships')
    .select(['user_id', 'target', 'right'])
    .orderBy('target')
    .execute();
  expect(memberships).toEqual([
    { user_id: to.id, target: 1, right: 'admin' },
    { user_id: to.id, target: 2, right: 'write' },
    { user_id: to.id, target: 3, right: 'write' },
  ]);
  expect((await server.request('GET', '/connectors', { token: from.token })).status).toBe(401);
  const events = await db
    .selectFrom('audit_events')
    .select(['action', 'entity_id'])
    .where('actor_id', '=', admin.id)
    .execute();
  expect(events).toEqual([{ action: 'handover', entity_id: from.id }]);
});

test('webhooks and channels go along, sign-ins end', async () => {
  const [from, to] = [await server.makeUser(), await server.makeUser()];
  const hook = (user: typeof from) =>
    server.request('POST', '/webhooks', {
      token: user.token,
      body: { name: 'Hook', url: 'https://example.com/hook', events: ['*'] },
    });
  const { id } = (await hook(from)).body.data;
  await hook(to);
  const channel = (
    await server.request('POST', '/platform/channels', {
      token: from.token,
      body: { name: 'Feed', owner: from.id, fields: [{ name: 'id' }] },
    })
  ).body.data;
  await db
    .insertInto('sign_ins')
    .values({
      id: newId(),
      user_id: from.id,
      client_id: 'slipway-cli',
      client_name: 'Command line',
      grant_id: newId(),
      expires_at: new Date(Date.now() + 60_000),
    })
    .execute();
  expect(await handover({ from: from.id, to: to.id })).toEqual([
    200,
    { message: 'All resources have been transferred to the new user.' },
  ]);
  const moved = await server.request('GET', `/webhooks/${id}`, { token: to.token });
  expect(moved.body.data).toMatchObject({ name: `Hook ${id.slice(0, 8)}`, owner: to.id });
  const shown = await server.request('GET', `/platform/channels/${channel.id}`, { token: to.token });
  expect(shown.body.data.owner).toBe(to.id);
  const left = await db.selectFrom('sign_ins').select('id').where('user_id', '=', from.id).execute();
  expect(left).toEqual([]);
});
