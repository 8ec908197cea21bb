import { describe, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import { makeProdConnector, makeVersion } from '../../test/support/production.ts';
import {
  badRequest,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';

const { server, user, call, show, auditOf } = await startVersionCalls();
const { db } = server.server.services;

const account = await makeAccount(server);
const project = await makeProject(server, account);
const site = await makeSite(server, project);

const enable = (connector: TestConnector, body: object) =>
  call('POST', connector, '/access/prod/enable', body);
const disable = (connector: TestConnector, body: object) =>
  call('POST', connector, '/access/prod/disable', body);

const mainOf = async (connector: TestConnector) =>
  (
    await db
      .selectFrom('connectors')
      .select('main_version')
      .where('id', '=', connector.id)
      .executeTakeFirstOrThrow()
  ).main_version;

describe('targets', () => {
  const add = (connector: TestConnector, body: object) => call('POST', connector, '/targets', body);
  const put = (connector: TestConnector, body: object) => call('PUT', connector, '/targets', body);

  test('are added without doubles, in the order given, and the state stays', async () => {
    const connector = await makeConnector(server, user, {
      version: { state: 'building', target_sites: [5, 3] },
    });
    const [status, body] = await add(connector, { 'target-sites': [9, 3, 9, 1], 'target-accounts': [2] });
    expect([status, Object.keys(body), body.message]).toEqual([
      200,
      ['message', 'data'],
      'successful operation',
    ]);
    expect(body.data.state).toBe('building');
    expect(body.data.platform_prod_reference).toMatchObject({
      'target-accounts': [2],
      'target-projects': [],
      'target-sites': [5, 3, 9, 1],
    });
    expect((await add(connector, {}))[0]).toBe(200);
    expect(await auditOf(connector)).toEqual(['connector_targets_add']);
  });

  test('are replaced', async () => {
    const connector = await makeConnector(server, user, {
      version: { target_sites: [5], target_projects: [6] },
    });
    const [, body] = await put(connector, { 'target-sites': [7, 7] });
    expect(body.data.platform_prod_reference).toMatchObject({
      'target-accounts': [],
      'target-projects': [],
      'target-sites': [7],
    });
    expect(await auditOf(connector)).toEqual(['connector_targets_update']);
  });

  test('are lists of integers', async () => {
    const connector = await makeConnector(server, user);
    for (const send of [add, put]) {
      expect(
        await send(connector, {
          'target-accounts': 1,
          'target-projects': [0],
          'target-sites': ['a'],
          more: 1,
        }),
      ).toEqual(
        badRequest({
          'target-accounts': 'This value does not have valid array.',
          'target-projects': 'All values must be integers greater than 0.',
          'target-sites': 'All values must be integers greater than 0.',
          more: 'This field was not expected.',
        }),
      );
    }
  });

  test('keep what access is enabled for', async () => {
    const connector = await makeProdConnector(server, user, {
      version: {
        enabled_for_accounts: [account, 8],
        enabled_for_projects: [project],
        enabled_for_sites: [site, 9],
      },
    });
    expect(await put(connector, {})).toEqual(
      badRequest({
        'target-accounts': `Access is still enabled for: ${account},8`,
        'target-projects': `Access is still enabled for: ${project}`,
        'target-sites': `Access is still enabled for: ${site},9`,
      }),
    );
    // A project and a site below a target are inside it.
    expect((await put(connector, { 'target-accounts': [account, 8], 'target-sites': [9] }))[0]).toBe(200);
    expect(await put(connector, { 'target-accounts': [account, 8] })).toEqual(
      badRequest({ 'target-sites': 'Access is still enabled for: 9' }),
    );
  });
});

describe('enable', () => {
  test('adds to the lists, and closes the configuration', async () => {
    const connector = await makeProdConnector(server, user, {
      version: { target_accounts: [account], target_sites: [77], enabled_for_sites: [77] },
    });
    const [status, body] = await enable(connector, { projects: [project], sites: [77, site] });
    expect([status, body.message, body.resource]).toEqual([200, 'Updated access.', 'connector-version']);
    expect(body.data.platform_prod_reference).toMatchObject({
      'enabled-for-accounts': [],
      'enabled-for-projects': [project],
      'enabled-for-sites': [77, site],
    });
    expect(await call('PUT', connector, '/application-configs', { command: 'other' })).toEqual([
      400,
      { message: 'The version is in use in production; create a new version to change it.', errors: [] },
    ]);
    expect(await mainOf(connector)).toBeNull();
    expect(await auditOf(connector)).toEqual(['connector_enable_prod_access']);
  });

  test('refuses ids outside the targets, of each level', async () => {
    const connector = await makeProdConnector(server, user, { version: { target_projects: [project] } });
    const other = await makeSite(server, await makeProject(server, account));
    expect(
      await enable(connector, { accounts: [account], projects: [5_000, project], sites: [other, site, 777] }),
    ).toEqual(
      badRequest({
        accounts: `Values are not in the target scope: ${account}`,
        projects: 'Values are not in the target scope: 5000',
        sites: `Values are not in the target scope: ${other},777`,
      }),
    );
  });

  test('refuses in the order of its rules', async () => {
    const connector = await makeConnector(server, user, {
      details: { flow: 'standalone' },
      version: { released: true },
    });
    const set = (columns: object) =>
      db.updateTable('connector_versions').set(columns).where('id', '=', connector.versionId).execute();
    expect(await enable(connector, { accounts: 3 })).toEqual(
      badRequest({ accounts: 'This value does not have valid array.' }),
    );
    expect(await enable(connector, {})).toEqual(
      badRequest({ flow: 'Standalone connectors are not offered on sites.' }),
    );
    await db.updateTable('connectors').set({ flow: 'default' }).where('id', '=', connector.id).execute();
    expect(await enable(connector, {})).toEqual(
      badRequest({ accounts: 'At least one account, project or site is needed.' }),
    );
    const notInProd = badRequest({ version: 'Connector must be synchronized to prod.' });
    expect(await enable(connector, { sites: [1] })).toEqual(notInProd);
    await set({ state: 'synchronized-to-prod' });
    expect(await enable(connector, { sites: [1] })).toEqual(notInProd);
    await set({ prod_platform_connector: 3 });
    expect(await enable(connector, { sites: [1] })).toEqual(
      badRequest({ version: 'Connector is already released.' }),
    );
  });

  test.each(inFlightStates)('is not possible in %s', async (state) => {
    const connector = await makeProdConnector(server, user, { version: { state, target_sites: [1] } });
    expect(await enable(connector, { sites: [1] })).toEqual(
      badRequest({ version: 'Connector must be synchronized to prod.' }),
    );
  });

  test('two at once lose nothing', async () => {
    const ids = Array.from({ length: 8 }, (_, index) => index + 1);
    const connector = await makeProdConnector(server, user, { version: { target_sites: ids } });
    await Promise.all(ids.map((id) => enable(connector, { sites: [id] })));
    const granted = (await show(connector)).platform_prod_reference['enabled-for-sites'];
    expect(granted.sort()).toEqual(ids);
  });
});

describe('disable', () => {
  test('takes out what is there, ignores the rest', async () => {
    const connector = await makeProdConnector(server, user, {
      version: { enabled_for_accounts: [1, 2], enabled_for_sites: [3], assigned_to_sites: [3] },
    });
    const [status, body] = await disable(connector, { accounts: [2, 9], sites: [3] });
    expect([status, body.message, body.resource]).toEqual([200, 'Updated access.', 'connector-version']);
    expect(body.data.platform_prod_reference).toMatchObject({
      'enabled-for-accounts': [1],
      'enabled-for-sites': [],
      'assigned-to-sites': [3],
    });
    await disable(connector, { accounts: [9] });
    expect(await auditOf(connector)).toEqual(['connector_disable_prod_access']);
    expect(await disable(connector, { accounts: 'all' })).toEqual(
      badRequest({ accounts: 'This value does not have valid array.' }),
    );
  });

  test('a main version that leaves production gives way to the newest released one', async () => {
    const connector = await makeProdConnector(server, user, {
      version: { enabled_for_sites: [3], enabled_for_projects: [4] },
    });
    await makeVersion(server, connector, 2, { released: true });
    await makeVersion(server, connector, 3, { released: true });
    await db.updateTable('connectors').set({ main_version: 1 }).where('id', '=', connector.id).execute();
    await disable(connector, { sites: [3] });
    expect(await mainOf(connector)).toBe(1);
    await disable(connector, { projects: [4] });
    expect(await mainOf(connector)).toBe(3);
  });

  test.each(inFlightStates)('is not possible in %s', async (state) => {
    const connector = await makeProdConnector(server, user, { version: { state, enabled_for_sites: [1] } });
    expect(await disable(connector, { sites: [1] })).toEqual(transitionRefused(state));
  });
});
