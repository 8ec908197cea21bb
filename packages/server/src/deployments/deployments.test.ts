import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'kysely';
import { beforeAll, describe, expect, test } from 'vitest';
import { configured, makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { until } from '../../test/support/wait.ts';

let server: TestServer;
let user: TestUser;
let admin: TestUser;

beforeAll(async () => {
  server = await startTestServer({ SLIPWAY_ENGINE: 'process' });
  user = await server.makeUser();
  admin = await server.makeUser({ role: 'admin' });
});

const digest = `sha256:${'a'.repeat(64)}`;
const built = {
  ...configured,
  state: 'built',
  image_digest: digest,
  image_name: 'slipway/x',
  image_tag: 't',
};

const call = async (method: string, connector: TestConnector, path: string, body?: object, who = user) => {
  const answer = await server.request(method, `/connectors/${connector.id}/versions/1${path}`, {
    token: who.token,
    ...(body ? { body } : {}),
  });
  return [answer.status, answer.body] as const;
};
const show = async (connector: TestConnector) =>
  (await server.request('GET', `/connectors/${connector.id}`, { token: admin.token })).body.data.versions[0];
const stateOf = async (id: string) =>
  (await server.request('GET', `/states/${id}`, { token: admin.token })).body.data;
const settled = (id: string) =>
  until(async () => {
    const found = await stateOf(id);
    return found.status !== 'pending' && found;
  });
const logOf = async (id: string): Promise<string[]> =>
  (await server.request('GET', `/states/${id}/logs`, { token: admin.token })).body.data.map(
    (line: { source: string; message: string }) => `${line.source}: ${line.message}`,
  );
const auditOf = async (connector: TestConnector): Promise<string[]> => {
  const { rows } = await sql<{ action: string }>`
    SELECT action FROM audit_events WHERE connector_id = ${connector.id} AND action <> 'connector_create'
    ORDER BY time, id`.execute(server.server.services.db);
  return rows.map(({ action }) => action);
};
const transitionRefused = (state: string) => [
  400,
  { message: `Transition is not allowed, entity is ${state}.`, errors: [] },
];
const inFlight = [
  'building',
  'synchronizing-to-dev',
  'resynchronizing-to-dev',
  'synchronizing-to-prod',
  'resynchronizing-to-prod',
];

describe('sync-runtime', () => {
  test.each(['built', 'synchronized-to-dev', 'synchronized-to-prod'])(
    'registers what was built, in %s, again and again',
    async (state) => {
      const connector = await makeConnector(server, user, { version: { ...built, state, cpus: '0.5' } });
      const ok = [200, { message: 'Successfully synchronized the version of the connector with runtime.' }];
      expect(await call('POST', connector, '/sync-runtime')).toEqual(ok);
      expect(await call('POST', connector, '/sync-runtime')).toEqual(ok);
      const row = await server.server.services.db
        .selectFrom('runtime_registrations')
        .selectAll()
        .where('version_id', '=', connector.versionId)
        .executeTakeFirst();
      expect(row).toMatchObject({
        digest,
        command: 'node',
        arguments: 'main.js',
        execution_mode: 'as-env-variables',
        memory_mb: 1024,
        cpus: '0.5',
        timeout_seconds: 3600,
        container_api_constraint: '^0.25',
      });
      expect((await show(connector)).state).toBe(state);
    },
  );

  test.each(['created', 'updating', 'updated', ...inFlight])('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state } });
    expect(await call('POST', connector, '/sync-runtime')).toEqual(transitionRefused(state));
  });

  test('needs the runtime version of bin-docker-wrapper', async () => {
    const connector = await makeConnector(server, user, {
      version: { ...built, dev_runtime_environment: 'bin-docker-wrapper' },
    });
    expect(await call('POST', connector, '/sync-runtime')).toEqual([
      400,
      {
        message: 'Missing connector runtime version for runtime environment bin-docker-wrapper.',
        errors: [],
      },
    ]);
  });

  test('needs an engine that answers', async () => {
    const connector = await makeConnector(server, user, { version: built });
    const folder = join(server.home, 'engine');
    renameSync(folder, `${folder}-away`);
    writeFileSync(folder, 'no folder any more');
    try {
      expect(await call('POST', connector, '/sync-runtime')).toEqual([
        400,
        { message: 'The engine is not reachable', errors: [] },
      ]);
    } finally {
      rmSync(folder);
      renameSync(`${folder}-away`, folder);
    }
  });
});

describe.each(['prod', 'dev'] as const)('the %s runtime', (side) => {
  const put = (connector: TestConnector, body: object, who = admin) =>
    call('PUT', connector, `/runtime/${side}`, body, who);
  const ok = [200, { message: `Successfully updated connector ${side} runtime for version 1.0.0.` }];
  const missing = [
    400,
    { message: 'Missing connector runtime version for runtime environment bin-docker-wrapper.', errors: [] },
  ];
  const runtimeOf = async (connector: TestConnector) =>
    (await show(connector))[`platform_${side}_reference`].runtime;

  test('is set, and leaves a state that is done', async () => {
    const connector = await makeConnector(server, user);
    expect(await put(connector, { environment: 'bin-docker-wrapper', version: '12.10.0' })).toEqual(ok);
    expect(await runtimeOf(connector)).toEqual({ environment: 'bin-docker-wrapper', version: '12.10.0' });
    const [, { data }] = await call('GET', connector, '/states/update_to_docker_wrapper_version');
    expect(data).toMatchObject({
      status: 'done',
      owner: admin.id,
      config: { connectorPublicId: connector.id, majorVersion: 1 },
      data: { environment: side, version: '12.10.0' },
    });
    expect(Object.keys(data.config)).toEqual(['connectorPublicId', 'majorVersion']);
    expect(await logOf(data.id)).toEqual([`runtime: The ${side} runtime is bin-docker-wrapper 12.10.0.`]);
    expect(await auditOf(connector)).toEqual([`connector_update_runtime_${side}`]);
  });

  test('once it has a version, only that changes', async () => {
    const connector = await makeConnector(server, user);
    await put(connector, { environment: 'bin-docker-wrapper', version: '1.0.0' });
    expect(await put(connector, { environment: 'cre', version: '2.0.0-rc.1' })).toEqual(ok);
    expect(await runtimeOf(connector)).toEqual({ environment: 'bin-docker-wrapper', version: '2.0.0-rc.1' });
    expect(await put(connector, { environment: 'cre' })).toEqual(missing);
  });

  test('cre takes no version, and changing nothing writes no event', async () => {
    const connector = await makeConnector(server, user);
    expect(await put(connector, { environment: 'cre', version: 'anything' })).toEqual(ok);
    expect(await runtimeOf(connector)).toEqual({ environment: 'cre', version: null });
    expect(await auditOf(connector)).toEqual([]);
  });

  test('refuses what it can not take', async () => {
    const connector = await makeConnector(server, user);
    expect(await put(connector, { environment: 'bin-docker-wrapper' })).toEqual(missing);
    expect(await put(connector, { environment: 'bin-docker-wrapper', version: '' })).toEqual(missing);
    const bad = (errors: object) => [400, { message: 'Bad request.', errors }];
    expect(await put(connector, { environment: 'bin-docker-wrapper', version: '1.0' })).toEqual(
      bad({ version: 'This value is not valid.' }),
    );
    expect(await put(connector, {})).toEqual(bad({ environment: 'This value should not be blank.' }));
    expect(await put(connector, { environment: 'docker' })).toEqual(
      bad({ environment: 'The value you selected is not a valid choice.' }),
    );
    expect((await put(connector, { environment: 'cre' }, user))[0]).toBe(403);
  });
});

describe('platform-dev-site', () => {
  const start = (connector: TestConnector) => call('POST', connector, '/platform-dev-site');

  test('makes project and site once, and is done at once afterwards', async () => {
    const account = await makeAccount(server);
    const connector = await makeConnector(server, user, { name: 'Shop', version: { dev_account: account } });
    const [status, body] = await start(connector);
    expect([status, body.message]).toEqual([202, 'Platform Site will be created in the background.']);
    const first = await settled(body.data.state.uuid);
    expect(first).toMatchObject({
      name: 'create_platform_site',
      status: 'done',
      config: { connectorPublicId: connector.id, majorVersion: 1, account, project: null, site: null },
      data: { account, project: expect.any(Number), site: expect.any(Number) },
    });
    const { db } = server.server.services;
    const { data } = first;
    const project = await db
      .selectFrom('projects')
      .selectAll()
      .where('id', '=', data.project)
      .executeTakeFirst();
    const site = await db.selectFrom('sites').selectAll().where('id', '=', data.site).executeTakeFirst();
    expect(project).toMatchObject({ account_id: account, name: 'Connector development' });
    expect(site).toMatchObject({ project_id: data.project, name: 'Shop dev', id_column: 'id' });
    expect((await show(connector)).platform_dev_reference).toMatchObject(data);
    expect((await show(connector)).state).toBe('created');
    expect(await logOf(first.id)).toEqual([
      `project: The project is ${data.project}.`,
      `site: Created the site ${data.site}.`,
    ]);

    const [, again] = await start(connector);
    expect(again.data.state.uuid).not.toBe(first.id);
    expect(await stateOf(again.data.state.uuid)).toMatchObject({ status: 'done', data });
  });

  test('several at once make one site', async () => {
    const account = await makeAccount(server);
    const connector = await makeConnector(server, user, { version: { dev_account: account } });
    const answers = await Promise.all(Array.from({ length: 4 }, () => start(connector)));
    const named = new Set(answers.map(([, body]) => body.data.state.uuid));
    const states = await Promise.all([...named].map(settled));
    // Either the pending one was named again, or it had settled and the site was there.
    expect(new Set(states.map(({ data }) => data.site)).size).toBe(1);
    const { rows } = await sql<{ sites: number }>`
      SELECT count(*) AS sites FROM sites s JOIN projects p ON p.id = s.project_id
      WHERE p.account_id = ${account}`.execute(server.server.services.db);
    expect(rows[0]?.sites).toBe(1);
  });

  test('a pending one is named again', async () => {
    const connector = await makeConnector(server, user, {
      version: { dev_account: await makeAccount(server) },
    });
    const id = crypto.randomUUID();
    await server.server.services.db
      .insertInto('states')
      .values({
        id,
        name: 'create_platform_site',
        status: 'pending',
        owner_id: user.id,
        connector_id: connector.id,
        version_id: connector.versionId,
        major: 1,
        config: '{}',
      })
      .execute();
    const [status, body] = await start(connector);
    expect([status, body.data.state.uuid]).toEqual([202, id]);
    expect(await auditOf(connector)).toEqual([]);
  });

  test('takes the account from the defaults of the user, then of the organization', async () => {
    const organization = await server.makeOrganization();
    const member = await server.makeUser({ organizations: [organization] });
    const connector = await makeConnector(server, member);
    const missing = await call('POST', connector, '/platform-dev-site', undefined, member);
    expect(missing).toEqual([400, { message: 'Dev account is missing.', errors: [] }]);
    const account = await makeAccount(server);
    const project = await makeProject(server, account);
    await server.server.services.db
      .updateTable('organizations')
      .set({ dev_defaults: JSON.stringify({ account, project }) })
      .where('id', '=', organization)
      .execute();
    const [, body] = await call('POST', connector, '/platform-dev-site', undefined, member);
    const done = await settled(body.data.state.uuid);
    expect(done).toMatchObject({ status: 'done', data: { account, project } });
    expect((await show(connector)).platform_dev_reference).toMatchObject({ account, project });
  });

  test('an account that is gone fails the operation', async () => {
    const connector = await makeConnector(server, user, { version: { dev_account: 2_000_000_000 } });
    const [, body] = await start(connector);
    expect(await settled(body.data.state.uuid)).toMatchObject({
      status: 'failed',
      data: { error: 'Account not found.', step: 'project' },
    });
    expect(await logOf(body.data.state.uuid)).toEqual(['project: Account not found.']);
  });

  test.each(inFlight)('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state, dev_account: 1 } });
    expect(await start(connector)).toEqual(transitionRefused(state));
  });
});

describe('sync/dev', () => {
  const start = (connector: TestConnector) => call('POST', connector, '/sync/dev');

  test.each([
    ['built', 'synchronized-to-dev'],
    ['synchronized-to-dev', 'synchronized-to-dev'],
    ['synchronized-to-prod', 'synchronized-to-prod'],
  ])('from %s leads to %s', async (from, to) => {
    const account = await makeAccount(server);
    const connector = await makeConnector(server, user, {
      name: 'Feed',
      version: { ...built, state: from, dev_account: account },
    });
    const before = await show(connector);
    const [status, body] = await start(connector);
    expect([status, body.message]).toEqual([202, 'Connector will be synchronized to dev in the background.']);
    const id = body.data.state.uuid;
    const done = await settled(id);
    expect(done).toMatchObject({
      name: 'synchronize_to_dev',
      status: 'done',
      config: { connectorPublicId: connector.id, majorVersion: 1, account, project: null, site: null },
      data: { 'platform-connector': expect.any(Number), site: expect.any(Number) },
    });
    const version = await show(connector);
    expect(version.state).toBe(to);
    expect(version.dev_config).toEqual(version.config);
    expect(version.dev_config).toEqual(before.config);
    expect(version.platform_dev_reference).toMatchObject({
      account,
      site: done.data.site,
      'platform-connector': done.data['platform-connector'],
      'assigned-to-site': expect.any(Number),
    });
    const { db } = server.server.services;
    const row = await db
      .selectFrom('connector_versions')
      .select(['dev_digest', 'state_before'])
      .where('id', '=', connector.versionId)
      .executeTakeFirst();
    expect(row).toEqual({ dev_digest: digest, state_before: null });
    expect((await logOf(id)).map((line) => line.split(':')[0])).toEqual([
      'runtime',
      'site',
      'connector',
      'assign',
    ]);
    expect(await auditOf(connector)).toEqual(['connector_sync_dev', 'system.synchronize_to_dev']);

    const [, again] = await start(connector);
    expect((await settled(again.data.state.uuid)).data).toEqual(done.data);
    expect((await show(connector)).platform_dev_reference).toEqual(version.platform_dev_reference);
  });

  test('a change afterwards leaves what is deployed alone', async () => {
    const connector = await makeConnector(server, user, {
      version: { ...built, dev_account: await makeAccount(server) },
    });
    const [, body] = await start(connector);
    await settled(body.data.state.uuid);
    const deployed = (await show(connector)).dev_config;
    const changed = await call('PUT', connector, '/application-configs', { command: 'other' });
    expect(changed[0]).toBe(200);
    const version = await show(connector);
    expect(version.config.application.command).toBe('other');
    expect(version.dev_config).toEqual(deployed);
  });

  test('a failure leads back, and what was deployed stays', async () => {
    const connector = await makeConnector(server, user, {
      version: {
        ...built,
        state: 'synchronized-to-dev',
        dev_account: 2_000_000_000,
        dev_config: '{"old":1}',
      },
    });
    const [, body] = await start(connector);
    expect(await settled(body.data.state.uuid)).toMatchObject({
      status: 'failed',
      data: { error: 'Account not found.', step: 'site' },
    });
    expect(await show(connector)).toMatchObject({ state: 'synchronized-to-dev', dev_config: { old: 1 } });
  });

  test('a transform stands nowhere by its keys', async () => {
    const connector = await makeConnector(server, user, {
      type: 'transform',
      version: { ...built, dev_account: await makeAccount(server) },
    });
    const [, body] = await start(connector);
    await settled(body.data.state.uuid);
    expect((await show(connector)).platform_dev_reference).toMatchObject({
      'assigned-to-site': null,
      'assigned-to-channel': null,
      'assigned-to-channel-site': null,
      'assigned-to-channel-site-destination': null,
    });
  });

  test('needs an account, and an export a channel first', async () => {
    const connector = await makeConnector(server, user, { version: built });
    expect(await start(connector)).toEqual([400, { message: 'Dev account is missing.', errors: [] }]);
    const exporter = await makeConnector(server, user, { type: 'export', version: built });
    expect(await start(exporter)).toEqual([
      400,
      { message: 'Bad request.', errors: { channels: 'Assign at least one channel first.' } },
    ]);
  });

  test.each(['created', 'updating', 'updated', ...inFlight])('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state, dev_account: 1 } });
    expect(await start(connector)).toEqual(transitionRefused(state));
  });
});

describe('assign-to-sites/dev', () => {
  const assign = (connector: TestConnector) => call('POST', connector, '/assign-to-sites/dev');
  const bad = (errors: object) => [400, { message: 'Bad request.', errors }];

  test('puts a data source on its site once, and an assignment that exists stays', async () => {
    const account = await makeAccount(server);
    const project = await makeProject(server, account);
    const site = await makeSite(server, project);
    const connector = await makeConnector(server, user, {
      version: {
        ...built,
        state: 'synchronized-to-dev',
        dev_account: account,
        dev_project: project,
        dev_site: site,
        dev_platform_connector: 4,
      },
    });
    const [status, body] = await assign(connector);
    expect([status, body.message, body.resource]).toEqual([
      200,
      'Connector assigned to dev site.',
      'connector-version',
    ]);
    expect(body.data).toEqual(await show(connector));
    const source = body.data.platform_dev_reference['assigned-to-site'];
    expect(source).toEqual(expect.any(Number));
    expect(body.data.state).toBe('synchronized-to-dev');
    const again = await assign(connector);
    expect(again[1].data).toEqual(body.data);
    const { rows } = await sql<{ id: number; role: string }>`
      SELECT id, role FROM data_sources WHERE site_id = ${site}`.execute(server.server.services.db);
    expect(rows).toEqual([{ id: source, role: 'main' }]);
    expect(await auditOf(connector)).toEqual(['connector_assign_to_dev_site']);
  });

  test.each(['created', 'updated', 'building', 'synchronized-to-prod', 'resynchronizing-to-dev'])(
    'is possible in %s',
    async (state) => {
      const site = await makeSite(server, await makeProject(server, await makeAccount(server)));
      const connector = await makeConnector(server, user, {
        version: { ...built, state, dev_site: site, dev_platform_connector: 4 },
      });
      const [status, body] = await assign(connector);
      expect([status, body.data.state]).toEqual([200, state]);
    },
  );

  test('needs a site, then a synchronization, then a channel', async () => {
    const connector = await makeConnector(server, user, { type: 'export' });
    const { db } = server.server.services;
    const set = (columns: object) =>
      db.updateTable('connector_versions').set(columns).where('id', '=', connector.versionId).execute();
    expect(await assign(connector)).toEqual(bad({ connector: 'Connector must have dev site assigned.' }));
    await set({ dev_site: 3 });
    expect(await assign(connector)).toEqual(bad({ connector: 'Connector must be synchronized to dev.' }));
    await set({ dev_platform_connector: 3 });
    expect(await assign(connector)).toEqual(bad({ channels: 'Assign at least one channel first.' }));
  });

  test('takes no body, and is for the owner alone', async () => {
    const connector = await makeConnector(server, user);
    expect(await call('POST', connector, '/assign-to-sites/dev', { site: 3 })).toEqual(
      bad({ site: 'This field was not expected.' }),
    );
    const foreign = await server.makeUser();
    expect(await call('POST', connector, '/assign-to-sites/dev', undefined, foreign)).toEqual([
      404,
      { message: 'Connector not found.' },
    ]);
    const viewer = await server.makeUser({ role: 'viewer' });
    expect((await call('POST', connector, '/assign-to-sites/dev', undefined, viewer))[0]).toBe(403);
  });
});

describe('platform-dev-reference', () => {
  const put = (connector: TestConnector, body: object, who = admin) =>
    call('PUT', connector, '/platform-dev-reference', body, who);
  const bad = (errors: object) => [400, { message: 'Bad request.', errors }];

  test('another site takes the assignment away, the same one keeps it', async () => {
    const account = await makeAccount(server);
    const project = await makeProject(server, account);
    const [one, two] = [await makeSite(server, project), await makeSite(server, project)];
    const connector = await makeConnector(server, user, {
      version: { dev_account: account, dev_project: project, dev_site: one, dev_assigned_to_site: 9 },
    });
    const same = await put(connector, { account, project, site: one });
    expect([same[0], same[1].message, same[1].resource]).toEqual([
      200,
      'Dev reference updated.',
      'connector-version',
    ]);
    expect(same[1].data.platform_dev_reference['assigned-to-site']).toBe(9);
    expect(await auditOf(connector)).toEqual([]);
    const other = await put(connector, { account, project, site: two });
    expect(other[1].data.platform_dev_reference).toMatchObject({ site: two, 'assigned-to-site': null });
    const none = await put(connector, { account });
    expect(none[1].data.platform_dev_reference).toMatchObject({ account, project: null, site: null });
    expect(await auditOf(connector)).toEqual([
      'connector_update_dev_reference',
      'connector_update_dev_reference',
    ]);
  });

  test('refuses fields that are wrong, and places that do not fit', async () => {
    const connector = await makeConnector(server, user);
    const account = await makeAccount(server);
    const project = await makeProject(server, account);
    const elsewhere = await makeProject(server, await makeAccount(server));
    const site = await makeSite(server, elsewhere);
    expect(await put(connector, {})).toEqual(bad({ account: 'This value should not be blank.' }));
    expect(await put(connector, { account: 0, project: 'x', site: -1 })).toEqual(
      bad({
        account: 'This value should be greater than 0.',
        project: 'This value does not have valid integer.',
        site: 'This value should be greater than 0.',
      }),
    );
    expect(await put(connector, { account: 2_000_000_000 })).toEqual(bad({ account: 'Account not found.' }));
    expect(await put(connector, { account, project: elsewhere })).toEqual(
      bad({ project: 'Project does not belong to the account.' }),
    );
    expect(await put(connector, { account, project, site })).toEqual(
      bad({ site: 'Site does not belong to the project.' }),
    );
    expect(await put(connector, { account, site })).toEqual(
      bad({ site: 'Site does not belong to the project.' }),
    );
  });

  test('an integrator uses the account of their own or an organization’s defaults', async () => {
    const organization = await server.makeOrganization();
    const member = await server.makeUser({ organizations: [organization] });
    const connector = await makeConnector(server, member);
    const { db } = server.server.services;
    const [own, theirs] = [await makeAccount(server), await makeAccount(server)];
    const refusal = bad({ account: 'You may not use this account.' });
    expect(await put(connector, { account: own }, member)).toEqual(refusal);
    const defaults = (account: number) => ({ dev_defaults: JSON.stringify({ account, project: null }) });
    await db.updateTable('users').set(defaults(own)).where('id', '=', member.id).execute();
    await db.updateTable('organizations').set(defaults(theirs)).where('id', '=', organization).execute();
    expect((await put(connector, { account: own }, member))[0]).toBe(200);
    expect((await put(connector, { account: theirs }, member))[0]).toBe(200);
    expect(await put(connector, { account: await makeAccount(server) }, member)).toEqual(refusal);
  });

  test.each(inFlight)('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state } });
    expect(await put(connector, { account: await makeAccount(server) })).toEqual(transitionRefused(state));
  });
});
