import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import {
  badRequest,
  built,
  digest,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';
import { findDeployed } from '../versions/deployed.ts';

const { server, user, call, show, settled, logOf, auditOf } = await startVersionCalls();

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

  test('the limits of runs are those that were synchronized', async () => {
    const { db } = server.server.services;
    const connector = await makeConnector(server, user, {
      version: { ...built, dev_account: await makeAccount(server) },
    });
    const limits = (body: object) => call('PUT', connector, '/execution-config/limits', body);
    const asked = { 'memory-mb': 512, cpus: 0.5, network: 'allow-list', 'allow-list': ['example.com:443'] };
    expect((await limits(asked))[0]).toBe(200);
    await db
      .updateTable('connector_versions')
      .set({ state: 'built' })
      .where('id', '=', connector.versionId)
      .execute();
    await settled((await start(connector))[1].data.state.uuid);
    expect((await limits({ 'memory-mb': 2048, network: 'open' }))[0]).toBe(200);
    expect((await findDeployed(db, connector.versionId, 'dev'))?.limits).toEqual({
      memoryMb: 512,
      cpus: 0.5,
      timeoutSeconds: null,
      network: 'allow-list',
      allowList: ['example.com:443'],
    });
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

  test.each(['created', 'updating', 'updated', ...inFlightStates])('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state, dev_account: 1 } });
    expect(await start(connector)).toEqual(transitionRefused(state));
  });
});

describe('assign-to-sites/dev', () => {
  const assign = (connector: TestConnector) => call('POST', connector, '/assign-to-sites/dev');

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
    expect(await assign(connector)).toEqual(
      badRequest({ connector: 'Connector must have dev site assigned.' }),
    );
    await set({ dev_site: 3 });
    expect(await assign(connector)).toEqual(
      badRequest({ connector: 'Connector must be synchronized to dev.' }),
    );
    await set({ dev_platform_connector: 3 });
    expect(await assign(connector)).toEqual(badRequest({ channels: 'Assign at least one channel first.' }));
  });

  test('takes no body, and is for the owner alone', async () => {
    const connector = await makeConnector(server, user);
    expect(await call('POST', connector, '/assign-to-sites/dev', { site: 3 })).toEqual(
      badRequest({ site: 'This field was not expected.' }),
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
