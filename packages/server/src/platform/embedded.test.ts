import { beforeAll, expect, test } from 'vitest';
import {
  buildScript,
  deploy,
  endOfProcess,
  localRepositories,
  makeAccountWithSite,
} from '../../test/support/deployed.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';
import { systemContext } from '../operations/system-context.ts';
import type { PlatformVersion } from './gateway.ts';

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
});

const version = (type: string, more: Partial<PlatformVersion> = {}): PlatformVersion => ({
  versionId: newId(),
  connectorId: newId(),
  major: 1,
  type,
  name: 'Shop',
  ...more,
});

const inWork = <T>(
  work: (db: Parameters<TestServer['server']['services']['platform']['ensureProject']>[0]) => Promise<T>,
) => server.server.services.db.transaction().execute(work);

const assign = (given: PlatformVersion, site: number) =>
  inWork((db) =>
    server.server.services.platform.assign({ ...systemContext(server.server.services), db }, given, site),
  );

const sources = async (site: number) => {
  const admin = await server.makeUser({ role: 'admin' });
  return (await server.request('GET', `/platform/sites/${site}/data-sources`, { token: admin.token })).body
    .data;
};

test('the project for development is made once', async () => {
  const { platform } = server.server.services;
  const { account, project, site } = await makeAccountWithSite(server);
  const ids = await Promise.all([1, 2, 3].map(() => inWork((db) => platform.ensureProject(db, account))));
  expect(new Set(ids).size).toBe(1);
  const made = ids[0] as number;
  expect(await inWork((db) => platform.projectBelongsTo(db, made, account))).toBe(true);
  expect(await inWork((db) => platform.accountExists(db, 2_000_000_000))).toBe(false);
  expect(await inWork((db) => platform.siteBelongsTo(db, site, project))).toBe(true);
  expect(await inWork((db) => platform.siteBelongsTo(db, site, made))).toBe(false);
});

test('a dev site of a type that reads rows begins with sample products', async () => {
  const { platform } = server.server.services;
  const { project } = await makeAccountWithSite(server);
  for (const [type, expected] of [
    ['export', ['Sample products']],
    ['write', ['Sample products']],
    ['datasource', []],
    ['upload', []],
  ] as const) {
    const site = await inWork((db) => platform.createSite(db, project, version(type)));
    const rows = await sources(site);
    expect(rows.map((row: { name: string }) => row.name)).toEqual(expected);
    if (expected.length > 0) {
      expect(rows[0]).toMatchObject({
        kind: 'file',
        file: { name: 'sample-products.ndjson', format: 'ndjson', rows: 20 },
      });
    }
  }
});

test('the entry of a version is made once and renamed', async () => {
  const { platform } = server.server.services;
  const one = version('datasource');
  const first = await inWork((db) => platform.ensureConnector(db, one, 'dev'));
  expect(await inWork((db) => platform.ensureConnector(db, { ...one, name: 'New' }, 'dev'))).toBe(first);
  expect(await inWork((db) => platform.ensureConnector(db, one, 'prod'))).not.toBe(first);
});

test('assigning twice leaves one source; a newer version starts with the values of the one before', async () => {
  const { db, vault } = server.server.services;
  const { site } = await makeAccountWithSite(server);
  const one = version('datasource');
  const first = await assign(one, site);
  expect(first).toEqual({
    assignedToSite: expect.any(Number),
    assignedToChannel: null,
    assignedToChannelSite: null,
    assignedToChannelSiteDestination: null,
  });
  expect(await assign(one, site)).toEqual(first);
  const source = first.assignedToSite as number;
  const value = { data_source_id: source, connector_id: one.connectorId, major: 1 };
  const sealed = await inWork((work) => vault.put(work, 'form-value', 'geheim'));
  await db
    .insertInto('form_values')
    .values([
      { id: newId(), ...value, command_option: 'bucket', value: 'main' },
      { id: newId(), ...value, command_option: 'token', sealed },
    ])
    .execute();
  expect(await assign({ ...one, versionId: newId(), major: 2 }, site)).toEqual(first);
  expect((await sources(site))[0].connector).toMatchObject({
    version: 2,
    values: { bucket: 'main', token: '***' },
  });
  const context = systemContext(server.server.services);
  const { platform } = server.server.services;
  expect(await platform.formValues(context, site, { connectorId: one.connectorId, major: 2 })).toEqual({
    bucket: 'main',
    token: 'geheim',
  });
});

test('two halves meet in one chain; types without a place get none', async () => {
  const { site } = await makeAccountWithSite(server);
  for (const type of ['download', 'transform', 'write', 'upload', 'data-service', 'export', 'export-delta']) {
    expect(Object.values(await assign(version(type), site))).toEqual([null, null, null, null]);
  }
  const rows = await sources(site);
  expect(rows.map((row: { kind: string }) => row.kind)).toEqual(['chain']);
  expect([rows[0].connector !== null, rows[0].transform !== null]).toEqual([true, true]);
});

test('the second half of a chain finds the files of the first', async () => {
  const download = await buildScript(
    server,
    `import('node:fs').then((fs) => fs.writeFileSync(process.env.SLIPWAY_EXCHANGE_DIR + '/list.txt', 'a\\nb\\n'));`,
  );
  const transform = await buildScript(
    server,
    `import('node:fs').then(async (fs) => {
      const lines = fs.readFileSync(process.env.SLIPWAY_EXCHANGE_DIR + '/list.txt', 'utf8').trim().split('\\n');
      const response = await fetch(process.env.CONTAINER_API_URL + '/output/output', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ data: lines.map((id) => ({ id })) }),
      });
      if (response.status !== 201) process.exit(4);
    });`,
  );
  const first = await deploy(server, user, download, { type: 'download', name: 'Get' });
  const second = await deploy(server, user, transform, { type: 'transform', name: 'Make' });
  await server.server.services.db
    .updateTable('connector_versions')
    .set({ dev_site: first.site })
    .where('id', '=', second.versionId)
    .execute();
  await assign(version('transform', { connectorId: second.id, versionId: second.versionId }), first.site);
  const started = await server.request('POST', `/platform/sites/${first.site}/processes`, {
    token: user.token,
    body: { action: 'import' },
  });
  const done = await endOfProcess(server, user, first.site, started.body.data.process_id);
  expect(done).toMatchObject({ status: 'success', 'taken-over': true });
  expect(done.steps.map((step: { kind: string }) => step.kind)).toEqual([
    'source',
    'source',
    'merge',
    'take-over',
  ]);
  const data = await server.request('GET', `/platform/sites/${first.site}/data`, { token: user.token });
  expect(data.body.data).toEqual([{ id: 'a' }, { id: 'b' }]);
});
