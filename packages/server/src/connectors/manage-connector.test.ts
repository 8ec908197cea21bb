import { expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestUser } from '../../test/support/server.ts';
import { badRequest } from '../../test/support/version-calls.ts';
import { newId } from '../ids.ts';

const server = await startTestServer();
const { db } = server.server.services;
const admin = await server.makeUser({ role: 'admin' });

async function call(who: TestUser, method: string, path: string, body?: object) {
  const answer = await server.request(method, path, { token: who.token, ...(body ? { body } : {}) });
  return [answer.status, answer.body] as const;
}
const connectorNotFound = [404, { message: 'Connector not found.' }];

test('a connector changes what is sent, its versions keep their own', async () => {
  const user = await server.makeUser();
  const { id } = await makeConnector(server, user, { name: 'Before' });
  const [status, body] = await call(user, 'PATCH', `/connectors/${id}`, {
    'connector-name': 'After',
    readme: '',
  });
  expect([status, body.message, body.data.name, body.data.readme, body.data.versions[0].name]).toEqual([
    200,
    'Connector updated.',
    'After',
    null,
    'Before',
  ]);
  for (const name of ['', null]) {
    expect(await call(user, 'PATCH', `/connectors/${id}`, { 'connector-name': name })).toEqual(
      badRequest({ 'connector-name': 'This value should not be blank.' }),
    );
  }
  expect((await call(user, 'PATCH', `/connectors/${id}`, {}))[1].data.name).toBe('After');
  expect(await call(await server.makeUser(), 'PATCH', `/connectors/${id}`, {})).toEqual(connectorNotFound);
});

test('a connector is deleted out of the bin only, and its work stays', async () => {
  const user = await server.makeUser();
  const { id, versionId } = await makeConnector(server, user);
  await call(user, 'PUT', `/connectors/${id}/versions/1/vcs-configs`, {
    authorization: 'deploy-key',
    url: 'git@example.com:a/b.git',
  });
  const { vcs_deploy_key: key } = await db
    .selectFrom('connector_versions')
    .select('vcs_deploy_key')
    .where('id', '=', versionId)
    .executeTakeFirstOrThrow();
  const state = newId();
  await db
    .insertInto('states')
    .values({
      id: state,
      name: 'build',
      status: 'done',
      owner_id: user.id,
      connector_id: id,
      version_id: versionId,
      major: 1,
      config: '{}',
    })
    .execute();
  await db
    .insertInto('connector_metadata')
    .values({ connector_id: id, id: newId(), channel_owner: 'WG3', last_updated_by: admin.id })
    .execute();
  expect(await call(user, 'DELETE', `/connectors/${id}`)).toEqual([
    400,
    { message: 'Connector must be in the bin.', errors: [] },
  ]);
  await call(user, 'PATCH', `/connectors/${id}/move-to-bin`);
  expect(await call(await server.makeUser(), 'DELETE', `/connectors/${id}`)).toEqual(connectorNotFound);
  expect(await call(user, 'DELETE', `/connectors/${id}`)).toEqual([204, undefined]);
  expect(await call(user, 'DELETE', `/connectors/${id}`)).toEqual(connectorNotFound);
  expect(
    await db
      .selectFrom('vault_entries')
      .select('id')
      .where('id', '=', key as string)
      .execute(),
  ).toEqual([]);
  expect((await call(user, 'GET', `/states/${state}`))[0]).toBe(200);
  const events = await db
    .selectFrom('audit_events')
    .select('action')
    .where('connector_id', '=', id)
    .execute();
  expect(events.map(({ action }) => action)).toContain('connector_delete');
});

test('a viewer deletes and gives away nothing', async () => {
  const organization = await server.makeOrganization();
  const member = await server.makeUser({ organizations: [organization] });
  const viewer = await server.makeUser({ role: 'viewer', organizations: [organization] });
  const { id } = await makeConnector(server, member);
  for (const [method, path] of [
    ['DELETE', ''],
    ['PATCH', ''],
    ['PUT', '/owner'],
  ] as const) {
    expect((await call(viewer, method, `/connectors/${id}${path}`))[0]).toBe(403);
  }
});

test('a transfer moves connector and linked buckets, and with an account the dev references', async () => {
  const [one, other] = [await server.makeOrganization(), await server.makeOrganization()];
  const member = await server.makeUser({ organizations: [one, other] });
  const connector = await makeConnector(server, member, {
    version: {
      dev_account: 1,
      dev_project: 2,
      dev_site: 3,
      dev_assigned_to_site: 4,
      dev_platform_connector: 5,
    },
  });
  const put = (body: object, who = member) => call(who, 'PUT', `/connectors/${connector.id}/owner`, body);
  const bucket = newId();
  await db
    .insertInto('buckets')
    .values([
      { id: bucket, name: 'Exchange', owner_id: one },
      { id: newId(), name: 'Exchange', owner_id: other },
    ])
    .execute();
  await db
    .insertInto('version_buckets')
    .values({ version_id: connector.versionId, environment: 'dev', bucket_id: bucket })
    .execute();
  expect(await put({ new_owner: other })).toEqual([200, { message: 'A new owner has been assigned.' }]);
  const [, shown] = await call(member, 'GET', `/connectors/${connector.id}`);
  expect([shown.data.owner, shown.data.integrator]).toEqual([other, other]);
  expect(shown.data.versions[0].platform_dev_reference).toMatchObject({ account: 1, project: 2, site: 3 });
  expect((await call(member, 'GET', `/buckets/${bucket}`))[1].data).toMatchObject({
    name: 'Exchange 2',
    owner: other,
  });
  const account = await db
    .insertInto('accounts')
    .values({ name: 'A' })
    .returning('id')
    .executeTakeFirstOrThrow();
  expect((await put({ new_owner: one.toUpperCase(), account: account.id }))[0]).toBe(200);
  const [, moved] = await call(member, 'GET', `/connectors/${connector.id}`);
  expect(moved.data.versions[0].platform_dev_reference).toMatchObject({
    account: account.id,
    project: null,
    site: null,
    'assigned-to-site': null,
    'platform-connector': 5,
  });
});

test('what a transfer refuses', async () => {
  const own = await server.makeOrganization();
  const member = await server.makeUser({ organizations: [own] });
  const fellow = await server.makeUser({ role: 'viewer', organizations: [own] });
  const connector = await makeConnector(server, member);
  const put = (body: object, who = member) => call(who, 'PUT', `/connectors/${connector.id}/owner`, body);
  expect(await put({ account: 0 })).toEqual(
    badRequest({
      new_owner: 'This value should not be blank.',
      account: 'This value should be greater than 0.',
    }),
  );
  expect(await put({ new_owner: 'x' })).toEqual(badRequest({ new_owner: 'This is not a valid UUID.' }));
  expect(await put({ new_owner: newId() })).toEqual(badRequest({ new_owner: 'New owner was not found.' }));
  const stranger = await server.makeUser();
  for (const foreign of [await server.makeOrganization(), stranger.id]) {
    expect(await put({ new_owner: foreign })).toEqual(
      badRequest({ new_owner: 'You are not a member of this organization.' }),
    );
  }
  expect(await put({ new_owner: own, account: 2_000_000_000 })).toEqual(
    badRequest({ account: 'Account not found.' }),
  );
  const full = await server.makeOrganization({ limit: 0 });
  expect(await put({ new_owner: full }, admin)).toEqual(
    badRequest({ new_owner: 'The organization has reached its limit of 0 connectors.' }),
  );
  // Its own place counts already.
  await db.updateTable('organizations').set({ connectors_limit: 1 }).where('id', '=', own).execute();
  expect((await put({ new_owner: own, account: null }))[0]).toBe(200);
  expect((await put({ new_owner: fellow.id }))[0]).toBe(200);
  expect((await put({ new_owner: stranger.id }, admin))[0]).toBe(200);
  expect(await put({ new_owner: own })).toEqual([403, { message: 'Access denied for user.' }]);
});

test('metadata', async () => {
  const { id } = await makeConnector(server, await server.makeUser());
  const path = `/metadata/connectors/${id}`;
  const none = [404, { message: 'Connector does not have metadata saved.' }];
  expect(await call(admin, 'GET', path)).toEqual(none);
  expect(await call(admin, 'PUT', path, { 'channel-owner': 'WG3' })).toEqual(none);
  const owner =
    'Invalid channel owner provided. Valid options are: "Feature Team", "DromundKaas Team", "Channel Team", "Third Party", "API Team", "WG3".';
  for (const value of [undefined, null, '', 'x', 3]) {
    expect(await call(admin, 'POST', path, { 'channel-owner': value })).toEqual(
      badRequest({ 'channel-owner': owner }),
    );
  }
  const url = 'This value is not a valid URL.';
  expect(
    await call(admin, 'POST', path, {
      'channel-owner': 'WG3',
      confidence: 'Sure',
      'help-center': 'ftp://x',
      'internal-documentation': 'x',
      notes: 'x'.repeat(10_001),
    }),
  ).toEqual(
    badRequest({
      confidence:
        'Invalid confidence provided. Valid options are: "Confident", "Semi Confident", "Needs Checking".',
      'help-center': url,
      'internal-documentation': url,
      notes: 'This value is too long. It should have 10000 characters or less.',
    }),
  );
  const [status, added] = await call(admin, 'POST', path, {
    'channel-owner': 'WG3',
    notes: 'n',
    confidence: null,
  });
  expect([status, added.data['last-reviewed-at'], added.data['last-updated-by']]).toEqual([
    201,
    null,
    admin.id,
  ]);
  expect(await call(admin, 'POST', path, { 'channel-owner': 'WG3' })).toEqual([
    400,
    { message: 'Connector already has metadata.', errors: [] },
  ]);
  const [, updated] = await call(admin, 'PUT', path, {
    'channel-owner': 'API Team',
    confidence: 'Confident',
  });
  expect(updated.message).toBe('Successfully updated metadata for connector.');
  expect(updated.data).toMatchObject({ 'channel-owner': 'API Team', confidence: 'Confident', notes: null });
  expect(updated.data['last-reviewed-at']).toMatch(/^\d{4}-/);
  expect((await call(admin, 'GET', path))[1].data).toEqual(updated.data);
  expect(await call(admin, 'GET', `/metadata/connectors/${newId()}`)).toEqual(connectorNotFound);
  expect((await call(await server.makeUser(), 'GET', path))[0]).toBe(403);
});
