import { expect, test } from 'vitest';
import { configured, makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import {
  badRequest,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';
import { newId } from '../ids.ts';

const { server, user, admin, call, show, auditOf } = await startVersionCalls();
const { db, vault } = server.server.services;

const send = async (method: string, path: string, body?: object) => {
  const answer = await server.request(method, path, { token: user.token, ...(body ? { body } : {}) });
  return [answer.status, answer.body] as const;
};
const versionsOf = (connector: TestConnector) => `/connectors/${connector.id}/versions`;
const create = (connector: TestConnector) => send('POST', versionsOf(connector));

test('a new version copies configuration, logo and credentials, and nothing that was built or deployed', async () => {
  const connector = await makeConnector(server, user, {
    version: { ...configured, dev_account: 7, dev_site: 9 },
  });
  await call('PUT', connector, '/vcs-configs', {
    authorization: 'basic',
    url: 'https://example.com/a.git',
    username: 'u',
    token: 'geheim',
  });
  await call('POST', connector, '/individual-configs', {
    'command-option': 'host',
    'field-type': 'input',
    'field-name': 'Host',
  });
  await call('PUT', connector, '/execution-config/limits', { 'memory-mb': 512 });
  await db
    .updateTable('connector_versions')
    .set({
      state: 'synchronized-to-prod',
      image_name: 'a',
      image_tag: 'b',
      vcs_latest_commit: 'c'.repeat(40),
      dev_platform_connector: 3,
      dev_config: '{}',
      prod_config: '{}',
      released: true,
      patch: 4,
    })
    .where('id', '=', connector.versionId)
    .execute();
  const before = await show(connector);
  const [status, body] = await create(connector);
  expect([status, body.message, body.resource]).toEqual([201, 'Version created.', 'connector-version']);
  expect(body.data).toMatchObject({
    name: before.name,
    version: '2.0.0',
    state: 'updated',
    config: {
      ...before.config,
      docker: { 'image-name': null, 'image-tag': null, 'registry-url': null },
      vcs: { ...before.config.vcs, 'latest-commit': null },
      individuals: [{ 'command-option': 'host' }],
    },
    platform_dev_reference: { account: 7, site: 9, 'platform-connector': null },
    platform_prod_reference: { released: false, version: null },
    prod_config: null,
    dev_config: null,
  });
  const limits = (await send('GET', `${versionsOf(connector)}/2/execution-config`))[1].data.limits;
  expect(limits['memory-mb']).toBe(512);
  const tokens = await db
    .selectFrom('connector_versions')
    .select('vcs_token')
    .where('connector_id', '=', connector.id)
    .execute();
  expect(new Set(tokens.map(({ vcs_token }) => vcs_token)).size).toBe(2);
  for (const { vcs_token } of tokens) expect(await vault.open(db, vcs_token as string)).toBe('geheim');
  expect((await auditOf(connector)).at(-1)).toBe('connector_version_create');
});

test('a new version is in the state that its source has earned, and numbers are never used twice', async () => {
  const connector = await makeConnector(server, user);
  expect((await create(connector))[1].data.state).toBe('created');
  await send('PUT', `${versionsOf(connector)}/2/application-configs`, { command: 'node' });
  expect((await create(connector))[1].data.state).toBe('updating');
  expect((await send('DELETE', `${versionsOf(connector)}/3`))[0]).toBe(204);
  expect((await create(connector))[1].data.version).toBe('4.0.0');
  const [, list] = await send('GET', versionsOf(connector));
  expect(list.data.map(({ version }: { version: string }) => version)).toEqual(['4.0.0', '2.0.0', '1.0.0']);
  const [, page] = await send('GET', `${versionsOf(connector)}?limit=2`);
  const [, rest] = await send('GET', page.metadata.next);
  expect(rest.data.map(({ version }: { version: string }) => version)).toEqual(['1.0.0']);
  expect(rest.metadata).toEqual({ from: 2, limit: 2, count: 1, total: 3, next: null });
});

test('two calls at once make two versions', async () => {
  const connector = await makeConnector(server, user);
  const made = await Promise.all([create(connector), create(connector)]);
  expect(made.map(([, { data }]) => data.version).sort()).toEqual(['2.0.0', '3.0.0']);
});

test('name, description and readme change in production too', async () => {
  const connector = await makeConnector(server, user, {
    version: { ...configured, state: 'synchronized-to-prod', released: true },
  });
  const [status, body] = await call('PATCH', connector, '', {
    name: ' New ',
    description: 'd',
    readme: ' # r ',
  });
  expect([status, body.message]).toEqual([200, 'Version updated.']);
  expect(body.data).toMatchObject({
    name: 'New',
    description: 'd',
    readme: ' # r ',
    state: 'synchronized-to-prod',
  });
  expect(await call('PATCH', connector, '', { name: '' })).toEqual(
    badRequest({ name: 'This value should not be blank.' }),
  );
  expect((await call('PATCH', connector, '', { name: null }))[0]).toBe(400);
  expect((await call('PATCH', connector, '', {}))[0]).toBe(200);
  expect(await auditOf(connector)).toEqual(['connector_version_update']);
});

test('the only version stays, whatever else speaks against it', async () => {
  const connector = await makeConnector(server, user, { version: { released: true } });
  expect(await call('DELETE', connector, '')).toEqual([
    400,
    { message: 'A connector must keep one version.', errors: [] },
  ]);
});

test.each([
  ['released', { released: true }],
  ['enabled', { enabled_for_sites: [3] }],
  ['on a production site', { assigned_to_sites: [3] }],
])('a version that is %s stays', async (_how, version) => {
  const connector = await makeConnector(server, user, { version });
  await create(connector);
  expect(await call('DELETE', connector, '')).toEqual([
    400,
    { message: 'Version is actively used on the platform.', errors: [] },
  ]);
});

test.each(inFlightStates)('a version that is %s stays', async (state) => {
  const connector = await makeConnector(server, user, { version: { state } });
  await create(connector);
  expect(await call('DELETE', connector, '')).toEqual(transitionRefused(state));
});

test('a version with a run that waits stays', async () => {
  const connector = await makeConnector(server, user);
  await create(connector);
  await putRun(connector, 'queued');
  expect((await call('DELETE', connector, ''))[1].message).toBe('Version is actively used on the platform.');
  await db
    .updateTable('runs')
    .set({ state: 'finished' })
    .where('version_id', '=', connector.versionId)
    .execute();
  expect((await call('DELETE', connector, ''))[0]).toBe(204);
  expect(
    await db.selectFrom('runs').select('id').where('version_id', '=', connector.versionId).execute(),
  ).toHaveLength(1);
});

test('a deleted version takes its credentials and its place on the dev site with it', async () => {
  const connector = await makeConnector(server, user);
  await call('PUT', connector, '/vcs-configs', {
    authorization: 'deploy-key',
    url: 'git@example.com:a/b.git',
  });
  await create(connector);
  const site = await makeSite(server, await makeProject(server, await makeAccount(server)));
  const sealed = await db.transaction().execute((work) => vault.put(work, 'form-value', 'geheim'));
  const source = await putSource(site, { kind: 'connector', connector_id: connector.id, connector_major: 1 });
  await db
    .insertInto('form_values')
    .values({
      id: newId(),
      data_source_id: source,
      connector_id: connector.id,
      major: 1,
      command_option: 'p',
      sealed,
    })
    .execute();
  const other = newId();
  const chain = await putSource(site, {
    kind: 'chain',
    connector_id: other,
    connector_major: 1,
    transform_id: connector.id,
    transform_major: 1,
  });
  const key = await db
    .selectFrom('connector_versions')
    .select('vcs_deploy_key')
    .where('id', '=', connector.versionId)
    .executeTakeFirstOrThrow();
  expect((await call('DELETE', connector, ''))[0]).toBe(204);
  const entries = await db
    .selectFrom('vault_entries')
    .select('id')
    .where('id', 'in', [sealed, key.vcs_deploy_key as string])
    .execute();
  expect(entries).toEqual([]);
  const sources = await db
    .selectFrom('data_sources')
    .select(['id', 'connector_id', 'transform_id'])
    .where('site_id', '=', site)
    .execute();
  expect(sources).toEqual([{ id: chain, connector_id: other, transform_id: null }]);
  expect((await send('GET', `${versionsOf(connector)}/1`))[1]).toEqual({
    message: 'Connector version not found.',
  });
});

test('two versions are compared by what is configured', async () => {
  const connector = await makeConnector(server, user, { version: configured });
  await create(connector);
  await send('PUT', `${versionsOf(connector)}/2/application-configs`, { command: 'php' });
  await send('PUT', `${versionsOf(connector)}/2/execution-config/limits`, { cpus: 0.5 });
  const [status, body] = await call('GET', connector, '/diff/latest');
  expect(status).toBe(200);
  expect(body).toEqual({
    message: 'successful operation',
    resource: 'version-diff',
    data: [
      { path: 'application.arguments', from: 'main.js', to: null },
      { path: 'application.command', from: 'node', to: 'php' },
      { path: 'limits.cpus', from: 1, to: 0.5 },
    ],
  });
  expect((await call('GET', connector, '/diff/1'))[1].data).toEqual([]);
  expect(await call('GET', connector, '/diff/9')).toEqual([404, { message: 'Connector version not found.' }]);
  expect(await call('GET', connector, '/diff/x')).toEqual(
    badRequest({ otherVersion: 'This value is not valid.' }),
  );
});

test('a main version is in production', async () => {
  const connector = await makeConnector(server, user, { version: { enabled_for_accounts: [1] } });
  await create(connector);
  const put = (body: object) => send('PUT', `/connectors/${connector.id}/main-version`, body);
  expect(await put({})).toEqual(badRequest({ version: 'This value should not be blank.' }));
  for (const version of [0, -1, 1.5, 'x', 2 ** 40]) {
    expect(await put({ version })).toEqual(badRequest({ version: 'This value should be greater than 0.' }));
  }
  expect(await put({ version: 3 })).toEqual(badRequest({ version: 'Connector version not found.' }));
  expect(await put({ version: 2 })).toEqual(
    badRequest({ version: 'Version must be released or enabled in production.' }),
  );
  const [status, body] = await put({ version: 1 });
  expect([status, body.message, body.data['main-version-number'], body.data.main.version]).toEqual([
    200,
    'Main version updated.',
    1,
    '1.0.0',
  ]);
  expect((await put({ version: null }))[1].data).toMatchObject({ 'main-version-number': null, main: null });
  expect(
    (await auditOf(connector)).filter((action) => action === 'connector_update_main_version'),
  ).toHaveLength(2);
});

async function putSource(
  site: number,
  values: {
    kind: string;
    connector_id: string;
    connector_major: number;
    transform_id?: string;
    transform_major?: number;
  },
): Promise<number> {
  const { id } = await db
    .insertInto('data_sources')
    .values({ site_id: site, name: newId(), order: 1, ...values })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}

async function putRun(connector: TestConnector, state: string): Promise<void> {
  await db
    .insertInto('runs')
    .values({
      id: newId(),
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      connector_version: '1.0.0',
      state,
      environment: 'dev',
      stage: 'import',
      process_id: newId(),
      site_id: 1,
      site_name: 'S',
      project_id: 1,
      project_name: 'P',
      account_id: 1,
      account_name: 'A',
      triggered_by: admin.id,
    })
    .execute();
}
