import { describe, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import { makeProdConnector, makeVersion } from '../../test/support/production.ts';
import { startTestServer } from '../../test/support/server.ts';
import {
  badRequest,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';

const { server, user, call, show, auditOf } = await startVersionCalls();
const { db } = server.server.services;

const release = (connector: TestConnector) => call('POST', connector, '/release');
const unrelease = (connector: TestConnector) => call('POST', connector, '/unrelease');
const preview = async (connector: TestConnector, query = '') =>
  (await call('GET', connector, `/release/preview${query}`))[1].data;

const mainOf = async (connector: TestConnector) =>
  (await server.request('GET', `/connectors/${connector.id}`, { token: user.token })).body.data[
    'main-version-number'
  ];

describe('release', () => {
  test('offers the version to all, clears every grant and becomes main', async () => {
    const connector = await makeProdConnector(server, user, {
      version: {
        target_sites: [1],
        enabled_for_sites: [1],
        enabled_for_accounts: [2],
        enabled_for_projects: [3],
      },
    });
    const [status, body] = await release(connector);
    expect([status, body.message, body.resource]).toEqual([200, 'Connector released.', 'connector-version']);
    expect(body.data.platform_prod_reference).toMatchObject({
      released: true,
      'enabled-for-accounts': [],
      'enabled-for-projects': [],
      'enabled-for-sites': [],
      'target-sites': [1],
    });
    expect(await mainOf(connector)).toBe(1);
    expect(await release(connector)).toEqual(badRequest({ version: 'Connector is already released.' }));
    expect(await auditOf(connector)).toEqual(['connector_release']);
  });

  test('leaves a main version alone; two versions are released side by side', async () => {
    const connector = await makeProdConnector(server, user);
    await release(connector);
    await makeVersion(server, connector, 2);
    const answer = await server.request('POST', `/connectors/${connector.id}/versions/2/release`, {
      token: user.token,
    });
    expect(answer.status).toBe(200);
    expect(await mainOf(connector)).toBe(1);
    expect((await show(connector)).platform_prod_reference.released).toBe(true);
  });

  test('several at once release once, with one main version', async () => {
    const connector = await makeProdConnector(server, user);
    const answers = await Promise.all(Array.from({ length: 5 }, () => release(connector)));
    expect(answers.map(([status]) => status).sort()).toEqual([200, 400, 400, 400, 400]);
    expect(await auditOf(connector)).toEqual(['connector_release']);
  });

  test('needs a production copy, and sites to be offered on', async () => {
    const standalone = await makeConnector(server, user, { details: { flow: 'standalone' } });
    expect(await release(standalone)).toEqual(
      badRequest({ flow: 'Standalone connectors are not offered on sites.' }),
    );
    const notInProd = badRequest({ version: 'Connector must be synchronized to prod.' });
    for (const version of [
      { state: 'synchronized-to-dev', prod_platform_connector: 3 },
      { state: 'resynchronizing-to-prod', prod_platform_connector: 3 },
      { state: 'synchronized-to-prod', prod_platform_connector: null },
    ]) {
      expect(await release(await makeConnector(server, user, { version }))).toEqual(notInProd);
    }
    const connector = await makeProdConnector(server, user);
    expect(await call('POST', connector, '/release', { now: true })).toEqual(
      badRequest({ now: 'This field was not expected.' }),
    );
  });

  test('can be kept to admins', async () => {
    const strict = await startTestServer({ SLIPWAY_RELEASE_ROLE: 'admin' });
    const integrator = await strict.makeUser();
    const admin = await strict.makeUser({ role: 'admin' });
    const connector = await makeProdConnector(strict, integrator);
    const path = `/connectors/${connector.id}/versions/1/release`;
    const refusal = await strict.request('POST', path, { token: integrator.token });
    expect([refusal.status, refusal.body]).toEqual([403, { message: 'Access denied for user.' }]);
    const seen = await strict.request('GET', `${path}/preview`, { token: integrator.token });
    expect(seen.body.data).toMatchObject({ allowed: false, reason: 'Access denied for user.' });
    expect((await strict.request('POST', path, { token: admin.token })).status).toBe(200);
  });
});

describe('unrelease', () => {
  test('restores no grant, leaves sites in use, and passes the main version on', async () => {
    const connector = await makeProdConnector(server, user, {
      version: { released: true, assigned_to_sites: [4] },
    });
    await makeVersion(server, connector, 2, { released: true });
    await db.updateTable('connectors').set({ main_version: 1 }).where('id', '=', connector.id).execute();
    const [status, body] = await unrelease(connector);
    expect([status, body]).toEqual([204, undefined]);
    expect((await show(connector)).platform_prod_reference).toMatchObject({
      released: false,
      'enabled-for-sites': [],
      'assigned-to-sites': [4],
    });
    expect(await mainOf(connector)).toBe(2);
    const second = await server.request('POST', `/connectors/${connector.id}/versions/2/unrelease`, {
      token: user.token,
    });
    expect(second.status).toBe(204);
    expect(await mainOf(connector)).toBeNull();
  });

  test('of another version leaves the main version', async () => {
    const connector = await makeProdConnector(server, user, { version: { released: true } });
    await makeVersion(server, connector, 2, { released: true });
    await db.updateTable('connectors').set({ main_version: 2 }).where('id', '=', connector.id).execute();
    await unrelease(connector);
    expect(await mainOf(connector)).toBe(2);
  });

  test('needs a release', async () => {
    const connector = await makeProdConnector(server, user, { version: { state: 'building' } });
    expect(await unrelease(connector)).toEqual(badRequest({ version: 'Connector is not released.' }));
  });

  test.each(inFlightStates)('is not possible in %s', async (state) => {
    const connector = await makeProdConnector(server, user, { version: { state, released: true } });
    expect(await unrelease(connector)).toEqual(transitionRefused(state));
  });
});

describe('preview', () => {
  test('tells who gains, who loses and who uses it', async () => {
    const account = await makeAccount(server);
    const granted = await makeProject(server, account);
    const elsewhere = await makeProject(server, account);
    const [inside, inUse, dev, other] = [
      await makeSite(server, granted),
      await makeSite(server, elsewhere),
      await makeSite(server, elsewhere),
      await makeSite(server, elsewhere),
    ];
    const connector = await makeProdConnector(server, user, {
      version: { enabled_for_projects: [granted], assigned_to_sites: [inUse], dev_site: dev },
    });
    const before = await preview(connector);
    expect(Object.keys(before)).toEqual([
      'action',
      'allowed',
      'reason',
      'sites-gaining-access',
      'sites-losing-access',
      'sites-in-use',
      'cleared-accounts',
      'cleared-projects',
      'cleared-sites',
      'main-version-number',
    ]);
    const gaining = before['sites-gaining-access'].sites.map((site: { id: number }) => site.id);
    expect(gaining).toContain(other);
    for (const site of [inside, inUse, dev]) expect(gaining).not.toContain(site);
    expect(before).toMatchObject({
      action: 'release',
      allowed: true,
      reason: null,
      'sites-losing-access': { count: 0, sites: [] },
      'sites-in-use': { count: 1, sites: [{ id: inUse, name: 'Site' }] },
      'cleared-accounts': [],
      'cleared-projects': [granted],
      'cleared-sites': [],
      'main-version-number': { before: null, after: 1 },
    });
    expect((await show(connector)).platform_prod_reference.released).toBe(false);

    await release(connector);
    const after = await preview(connector, '?action=unrelease');
    const losing = after['sites-losing-access'].sites.map((site: { id: number }) => site.id);
    expect(losing).toEqual(expect.arrayContaining([inside, other]));
    for (const site of [inUse, dev]) expect(losing).not.toContain(site);
    expect(after).toMatchObject({
      action: 'unrelease',
      allowed: true,
      'sites-gaining-access': { count: 0, sites: [] },
      'cleared-projects': [],
      'main-version-number': { before: 1, after: null },
    });
    expect(await preview(connector)).toMatchObject({
      allowed: false,
      reason: 'Connector is already released.',
      'sites-gaining-access': { count: 0 },
      'main-version-number': { before: 1, after: 1 },
    });
  });

  test('names at most 100 sites', async () => {
    const project = await makeProject(server, await makeAccount(server));
    await db
      .insertInto('sites')
      .values(Array.from({ length: 120 }, (_, index) => ({ project_id: project, name: `Site ${index}` })))
      .execute();
    const { 'sites-gaining-access': gaining } = await preview(await makeProdConnector(server, user));
    expect(gaining.sites).toHaveLength(100);
    expect(gaining.count).toBeGreaterThanOrEqual(120);
  });

  test('says why not, and refuses another action', async () => {
    const connector = await makeProdConnector(server, user, { version: { state: 'building' } });
    expect(await preview(connector)).toMatchObject({
      allowed: false,
      reason: 'Connector must be synchronized to prod.',
    });
    expect((await preview(connector, '?action=unrelease')).reason).toBe('Connector is not released.');
    const flying = await makeProdConnector(server, user, { version: { state: 'building', released: true } });
    expect((await preview(flying, '?action=unrelease')).reason).toBe(
      'Transition is not allowed, entity is building.',
    );
    expect(await call('GET', connector, '/release/preview?action=other')).toEqual(
      badRequest({ action: 'The value you selected is not a valid choice.' }),
    );
  });
});
