import { describe, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount } from '../../test/support/platform.ts';
import { makeProdConnector } from '../../test/support/production.ts';
import {
  badRequest,
  built,
  digest,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';

const { server, user, call, show, settled, logOf, auditOf } = await startVersionCalls();
const { db } = server.server.services;

const start = (connector: TestConnector, body?: object) => call('POST', connector, '/sync/prod', body);
const onDev = { ...built, state: 'synchronized-to-dev' };

describe('sync/prod', () => {
  test('makes the production copy, and replaces it the next time', async () => {
    const account = await makeAccount(server);
    const connector = await makeConnector(server, user, { version: { ...onDev, target_sites: [5] } });
    const before = await show(connector);
    const [status, body] = await start(connector, { 'target-accounts': [account] });
    expect([status, body.message]).toEqual([
      202,
      'Connector will be synchronized to prod in the background.',
    ]);
    const id = body.data.state.uuid;
    const done = await settled(id);
    expect(done).toMatchObject({
      name: 'synchronize_to_prod',
      status: 'done',
      config: {
        connectorPublicId: connector.id,
        majorVersion: 1,
        targetAccounts: [account],
        targetProjects: [],
        targetSites: [5],
      },
      data: { 'platform-connector': expect.any(Number), version: '1.0.0', 'switched-sites': [] },
    });
    const version = await show(connector);
    expect(version.state).toBe('synchronized-to-prod');
    expect(version.prod_config).toEqual(before.config);
    expect(version.platform_prod_reference).toMatchObject({
      executable: null,
      'platform-connector': done.data['platform-connector'],
      version: '1.0.0',
      released: false,
      'target-accounts': [account],
      'target-sites': [5],
    });
    expect(
      await db
        .selectFrom('connector_versions')
        .select('prod_digest')
        .where('id', '=', connector.versionId)
        .executeTakeFirst(),
    ).toEqual({ prod_digest: digest });
    expect(await logOf(id)).toEqual([
      `runtime: Registered ${digest} with the runtime.`,
      `connector: The platform connector is ${done.data['platform-connector']}.`,
      `targets: Target accounts: ${account}.`,
      'targets: No target projects.',
      'targets: Target sites: 5.',
      'targets: These sites do not exist: 5.',
      'switch-legacy: There is no legacy executable.',
      'activate: Version 1.0.0 runs in production.',
    ]);
    expect(await auditOf(connector)).toEqual(['connector_sync_prod', 'system.synchronize_to_prod']);

    await db
      .updateTable('connector_versions')
      .set({ patch: 3, command: 'other' })
      .where('id', '=', connector.versionId)
      .execute();
    const [, again] = await start(connector);
    expect((await settled(again.data.state.uuid)).data).toEqual({ ...done.data, version: '1.0.3' });
    const second = await show(connector);
    expect(second.prod_config.application.command).toBe('other');
    expect(second.state).toBe('synchronized-to-prod');
  });

  test('keeps access, release and the state in production', async () => {
    const connector = await makeProdConnector(server, user, { version: { released: true } });
    const [, body] = await start(connector);
    expect((await settled(body.data.state.uuid)).status).toBe('done');
    const version = await show(connector);
    expect([version.state, version.platform_prod_reference.released]).toEqual(['synchronized-to-prod', true]);
  });

  test('a failure leads back, and the former copy serves', async () => {
    const connector = await makeProdConnector(server, user, {
      version: { prod_runtime_environment: 'bin-docker-wrapper', prod_config: '{"old":1}' },
    });
    const former = await show(connector);
    const [, body] = await start(connector);
    expect(await settled(body.data.state.uuid)).toMatchObject({
      status: 'failed',
      data: {
        error: 'Missing connector runtime version for runtime environment bin-docker-wrapper.',
        step: 'runtime',
      },
    });
    const version = await show(connector);
    expect(version.state).toBe('synchronized-to-prod');
    expect(version.prod_config).toEqual(former.prod_config);
  });

  test('the first time takes targets that nobody has set from the defaults', async () => {
    const organization = await server.makeOrganization();
    const member = await server.makeUser({ organizations: [organization] });
    const connector = await makeConnector(server, member, { version: onDev });
    const defaults = { accounts: [11], projects: [21], sites: [31] };
    await db
      .updateTable('organizations')
      .set({ prod_defaults: JSON.stringify(defaults) })
      .where('id', '=', organization)
      .execute();
    const [, body] = await call('POST', connector, '/sync/prod', undefined, member);
    expect((await settled(body.data.state.uuid)).config).toMatchObject({
      targetAccounts: [11],
      targetProjects: [21],
      targetSites: [31],
    });
    expect((await show(connector)).platform_prod_reference).toMatchObject({ 'target-sites': [31] });
    // Emptied on purpose, they stay empty.
    await call('PUT', connector, '/targets', {}, member);
    const [, again] = await call('POST', connector, '/sync/prod', undefined, member);
    expect((await settled(again.data.state.uuid)).config).toMatchObject({ targetSites: [] });
  });

  test('refuses targets before it looks at the state', async () => {
    const connector = await makeProdConnector(server, user, {
      version: { state: 'building', target_sites: [5], enabled_for_sites: [5] },
    });
    expect(await start(connector, { 'target-sites': [0], 'target-projects': {} })).toEqual(
      badRequest({
        'target-projects': 'This value does not have valid array.',
        'target-sites': 'All values must be integers greater than 0.',
      }),
    );
    expect(await start(connector, { 'target-sites': [] })).toEqual(
      badRequest({ 'target-sites': 'Access is still enabled for: 5' }),
    );
    expect((await show(connector)).platform_prod_reference['target-sites']).toEqual([5]);
  });

  test.each(['created', 'updating', 'updated', 'built', ...inFlightStates])(
    'is not allowed in %s',
    async (state) => {
      const connector = await makeConnector(server, user, { version: { ...built, state } });
      expect(await start(connector)).toEqual(transitionRefused(state));
    },
  );
});
