import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test, vi } from 'vitest';
import { localRepositories } from '../../test/support/deployed.ts';
import { startTestServer } from '../../test/support/server.ts';
import { until } from '../../test/support/wait.ts';
import { newId } from '../ids.ts';
import { runDemo } from './demo.ts';

const said: string[] = [];
const say = (line: string): void => {
  said.push(line);
};

const server = await startTestServer({ ...localRepositories, SLIPWAY_DEMO: 'true' });
const admin = await server.makeUser({ role: 'admin' });
const { db, settings, storage } = server.server.services;
const send = (method: string, path: string, body?: unknown) =>
  server.request(method, path, { token: admin.token, body });
const exists = (path: string) =>
  stat(path).then(
    () => true,
    () => false,
  );

/** Rows of every table that the demo writes into. */
async function counts(): Promise<Record<string, number>> {
  const tables = [
    'organizations',
    'accounts',
    'projects',
    'sites',
    'connectors',
    'connector_versions',
    'data_sources',
    'data_sets',
    'processes',
    'runs',
    'builds',
    'states',
    'log_chunks',
    'platform_connectors',
    'form_values',
    'demo_entities',
  ];
  const { rows } = await sql<{ name: string; count: number }>`${sql.join(
    tables.map(
      (table) => sql`SELECT ${sql.lit(table)} AS name, count(*)::integer AS count FROM ${sql.table(table)}`,
    ),
    sql` UNION ALL `,
  )}`.execute(db);
  return Object.fromEntries(rows.map(({ name, count }) => [name, count]));
}

/** Every connector of the demo is configured, and those that a user is to build can be built without a network. */
async function expectExamples(): Promise<void> {
  const { body } = await send('GET', '/connectors?name=Demo');
  const shown: Record<string, unknown> = {};
  for (const { id, name, type, versions } of body.data) {
    shown[name] = [type, versions[0].state];
    if (versions[0].state !== 'updated') continue;
    const { body: begun } = await send('POST', '/builds/connectors', { connector: id });
    const state = await until(async () => {
      const { body: asked } = await send('GET', `/states/${begun.data.state.uuid}`);
      return asked.data.status !== 'pending' && asked.data;
    });
    expect([name, state.status, state.data.error]).toEqual([name, 'done', undefined]);
  }
  expect(shown).toEqual({
    'Demo catalogue': ['datasource', 'synchronized-to-dev'],
    'Demo catalogue in Python': ['datasource', 'updated'],
    'Demo failure': ['datasource', 'updated'],
    'Demo feed export': ['export', 'updated'],
    'Demo labels': ['data-service', 'updated'],
  });
}

test('without a demo there is none to remove', async () => {
  const answer = await send('DELETE', '/demo');
  expect([answer.status, answer.body]).toEqual([404, { message: 'Demo not found.' }]);
  const { token } = await server.makeUser();
  const denied = await server.request('DELETE', '/demo', { token });
  expect([denied.status, denied.body]).toEqual([403, { message: 'Access denied for user.' }]);
});

test('the demo is made once, and removed with all that came of it; what users made stays', async () => {
  await runDemo(server.server, say);
  expect(said.join('\n')).toContain('2400 rows taken over');
  const made = await counts();
  expect(made.runs).toBeGreaterThan(0);
  await runDemo(server.server, say);
  expect(await counts()).toEqual(made);

  const { body: accounts } = await send('GET', '/platform/accounts?name=Demo%20shop');
  const { body: connectors } = await send('GET', '/connectors?name=Demo%20catalogue');
  await expectExamples();
  const catalogue = connectors.data.find(({ name }: { name: string }) => name === 'Demo catalogue');
  const devSite = catalogue.versions[0].platform_dev_reference.site;
  const [{ id: run } = { id: '' }] = await db.selectFrom('runs').select('id').limit(1).execute();
  const repositories = settings.localRepositoriesRoot;
  expect(await exists(join(repositories, 'catalogue-typescript'))).toBe(true);

  // A user has put a project of their own below the demo's account, and the demo's connector on a site of it.
  const { body: project } = await send('POST', `/platform/accounts/${accounts.data[0].id}/projects`, {
    name: 'Own project',
  });
  const { body: site } = await send('POST', `/platform/projects/${project.data.id}/sites`, {
    name: 'Own site',
  });
  await sql`UPDATE connector_versions SET prod_config = dev_config, prod_limits = dev_limits,
    prod_digest = dev_digest, released = true, prod_version = '1.0.0', state = 'synchronized-to-prod'
    WHERE connector_id = ${catalogue.id}`.execute(db);
  const source = await send('POST', `/platform/sites/${site.data.id}/data-sources`, {
    name: 'From the demo',
    kind: 'connector',
    connector: { id: catalogue.id, version: 1, values: {} },
  });
  expect(source.status, source.text).toBe(201);
  // One of the demo's connectors is gone already.
  const { body: failing } = await send('GET', '/connectors?name=Demo%20failure');
  expect((await send('PATCH', `/connectors/${failing.data[0].id}/move-to-bin`)).status).toBe(200);
  expect((await send('DELETE', `/connectors/${failing.data[0].id}`)).status).toBe(204);
  // Work that does not end in time keeps the demo: here that of a worker that is out of reach.
  const process = { id: newId(), site_id: devSite, action: 'import', trigger: 'manual', steps: '[]' };
  await db
    .insertInto('processes')
    .values({ ...process, status: 'running' })
    .execute();
  vi.useFakeTimers({ toFake: ['Date'] });
  const kept = send('DELETE', '/demo');
  const asked = () =>
    db
      .selectFrom('processes')
      .select('id')
      .where('id', '=', process.id)
      .where('cancel_requested', '=', true)
      .executeTakeFirst();
  await until(asked);
  vi.setSystemTime(Date.now() + 21_000);
  expect(await kept).toMatchObject({
    status: 400,
    body: { message: 'Site is being processed.', errors: [] },
  });
  vi.useRealTimers();
  await db.deleteFrom('processes').where('id', '=', process.id).execute();
  // Work of the demo that is in hand is ended first.
  await send('POST', `/platform/sites/${devSite}/processes`, { action: 'import' });
  const building = await send('POST', '/builds/connectors', {
    connector: connectors.data.find(({ name }: { name: string }) => name !== 'Demo catalogue').id,
  });
  expect(building.status, building.text).toBe(202);

  expect((await send('DELETE', '/demo')).status).toBe(204);
  const left = await counts();
  expect(left).toEqual({
    ...Object.fromEntries(Object.keys(left).map((table) => [table, 0])),
    accounts: 1,
    projects: 1,
    sites: 1,
  });
  expect((await send('GET', `/platform/sites/${site.data.id}`)).status).toBe(200);
  expect(await exists(join(repositories, 'catalogue-typescript'))).toBe(false);
  expect(await exists(join(await storage.folder('runs'), run))).toBe(false);
  const audited = await db
    .selectFrom('audit_events')
    .select('action')
    .where('action', '=', 'demo_remove')
    .execute();
  expect(audited.length).toBe(1);
  expect((await send('DELETE', '/demo')).status).toBe(404);

  said.length = 0;
  await runDemo(server.server, say);
  expect(said).toEqual([]);
  expect((await counts()).connectors).toBe(0);
}, 60_000);
