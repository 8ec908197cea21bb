import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount, makeProject, makeSite } from '../../test/support/platform.ts';
import { addFields, makeVersion } from '../../test/support/production.ts';
import {
  badRequest,
  built,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';

const { server, user, admin, call, show, settled, logOf, auditOf } = await startVersionCalls();
const { db } = server.server.services;
const project = await makeProject(server, await makeAccount(server));

const onDev = { ...built, state: 'synchronized-to-dev' };
const migrating = (version: object = {}, type = 'datasource') =>
  makeConnector(server, user, { type, details: { flow: 'migration' }, version: { ...onDev, ...version } });

async function makeExecutable(kind = 'source'): Promise<number> {
  const { body } = await server.request('POST', '/platform/legacy-executables', {
    token: admin.token,
    body: { name: 'Old', kind, image: 'old', command: 'run' },
  });
  return body.data.id;
}

async function makeLegacySource(executable: number, values: object, site?: number) {
  const site_id = site ?? (await makeSite(server, project));
  const { id } = await db
    .insertInto('data_sources')
    .values({
      site_id,
      name: `Old ${executable} ${Math.random()}`,
      kind: 'legacy',
      order: 1,
      legacy_executable: executable,
      legacy_values: JSON.stringify(values),
    })
    .returning('id')
    .executeTakeFirstOrThrow();
  return { site: site_id, id };
}

const sourceOf = async ({ site, id }: { site: number; id: number }) =>
  (await server.request('GET', `/platform/sites/${site}/data-sources/${id}`, { token: admin.token })).body
    .data;

async function sync(connector: TestConnector) {
  const [status, body] = await call('POST', connector, '/sync/prod');
  expect(status).toBe(202);
  return settled(body.data.state.uuid);
}
const rollback = (connector: TestConnector) => call('POST', connector, '/migration/rollback');
const set = (connector: TestConnector, body: object) => call('PUT', connector, '/migration', body);
const reset = (connector: TestConnector) => call('PATCH', connector, '/migration/reset');

describe('migration', () => {
  test('switches every source, remembers it, goes back and forward again', async () => {
    const executable = await makeExecutable();
    const connector = await migrating({ released: false });
    await addFields(server, connector.versionId, [
      { option: 'shop', required: true },
      { option: 'token', type: 'password', required: true },
    ]);
    expect((await set(connector, { 'legacy-executable': executable }))[0]).toBe(200);
    const whole = await makeLegacySource(executable, { shop: 'a', token: 'geheim', other: 'kept' });
    const partial = await makeLegacySource(executable, { shop: 'b' });
    const untouched = await makeLegacySource(await makeExecutable(), { shop: 'c' });
    const sites = [whole.site, partial.site];

    const done = await sync(connector);
    expect(done).toMatchObject({ status: 'done', data: { 'switched-sites': sites } });
    expect((await logOf(done.id)).filter((line) => line.startsWith('switch-legacy'))).toEqual([
      `switch-legacy: Sites switched from the legacy executable: ${sites.join(', ')}.`,
      `switch-legacy: Site ${partial.site} has no value for: token.`,
    ]);
    expect(await sourceOf(whole)).toMatchObject({
      kind: 'connector',
      connector: { id: connector.id, version: 1, values: { shop: 'a', token: '***' } },
      'legacy-executable': null,
    });
    expect(await sourceOf(untouched)).toMatchObject({ kind: 'legacy', connector: null });
    expect((await show(connector)).platform_prod_reference).toMatchObject({
      executable,
      'assigned-to-sites': sites,
    });

    const [status, body] = await rollback(connector);
    expect([status, Object.keys(body), body.message]).toEqual([
      200,
      ['message', 'data'],
      'successful operation',
    ]);
    expect(body.data.state).toBe('synchronized-to-dev');
    expect(body.data.config.migration).toEqual({ 'legacy-executable': executable });
    expect(body.data.platform_prod_reference['assigned-to-sites']).toEqual([]);
    expect(await sourceOf(whole)).toMatchObject({
      kind: 'legacy',
      connector: null,
      'legacy-executable': { id: executable, values: { shop: 'a', token: 'geheim', other: 'kept' } },
    });
    const [, latest] = await call('GET', connector, '/states/rollback_migration');
    expect(latest.data).toMatchObject({
      status: 'done',
      config: { legacyExecutable: executable },
      data: { 'switched-sites': sites },
    });
    expect(await logOf(latest.data.id)).toEqual([
      `switch-back: Sites that run the legacy executable ${executable} again: ${sites.join(', ')}.`,
    ]);
    expect(await rollback(connector)).toEqual(
      badRequest({ version: 'Connector must be synchronized to prod.' }),
    );
    expect((await sync(connector)).data['switched-sites']).toEqual(sites);
    expect((await show(connector)).state).toBe('synchronized-to-prod');
    expect(await auditOf(connector)).toEqual([
      'connector_set_legacy_executable',
      'connector_sync_prod',
      'system.synchronize_to_prod',
      'connector_rollback_migration',
      'connector_sync_prod',
      'system.synchronize_to_prod',
    ]);
  });

  test('takes back exactly what was switched', async () => {
    const executable = await makeExecutable();
    const connector = await migrating({ legacy_executable: executable });
    const switched = await makeLegacySource(executable, {});
    await sync(connector);
    await db
      .updateTable('connector_versions')
      .set({ released: true })
      .where('id', '=', connector.versionId)
      .execute();
    const own = await server.request('POST', `/platform/sites/${switched.site}/data-sources`, {
      token: admin.token,
      body: { name: 'New', kind: 'connector', connector: { id: connector.id, version: 1, values: {} } },
    });
    expect(own.status).toBe(201);
    const [, body] = await rollback(connector);
    expect(body.data.platform_prod_reference).toMatchObject({
      released: true,
      'assigned-to-sites': [switched.site],
    });
    expect((await sourceOf(switched)).kind).toBe('legacy');
    expect((await sourceOf({ site: switched.site, id: own.body.data.id })).kind).toBe('connector');
  });

  test('a chain half takes its place of the source', async () => {
    const executable = await makeExecutable();
    const connector = await migrating({ legacy_executable: executable }, 'transform');
    const switched = await makeLegacySource(executable, {});
    await sync(connector);
    expect(await sourceOf(switched)).toMatchObject({
      kind: 'chain',
      connector: null,
      transform: { id: connector.id, version: 1 },
    });
    await rollback(connector);
    expect(await sourceOf(switched)).toMatchObject({ kind: 'legacy', transform: null });
  });

  test('rollback refuses in the order of its rules', async () => {
    const plain = await makeConnector(server, user, { version: { state: 'synchronized-to-prod' } });
    expect(await rollback(plain)).toEqual(
      badRequest({ flow: 'Only connectors with the migration flow can be rolled back.' }),
    );
    const connector = await migrating();
    expect(await rollback(connector)).toEqual(
      badRequest({ version: 'Connector does not have a legacy executable.' }),
    );
  });
});

describe('legacy executable of a version', () => {
  test('is set, and freezes the form', async () => {
    const executable = await makeExecutable();
    const connector = await migrating();
    const [status, body] = await set(connector, { 'legacy-executable': executable });
    expect([status, body.message, body.resource]).toEqual([
      200,
      'Legacy executable has been set.',
      'connector-version',
    ]);
    expect(body.data.config.migration).toEqual({ 'legacy-executable': executable });
    expect(body.data.state).toBe('synchronized-to-dev');
    const field = {
      'command-option': 'x',
      'field-type': 'input',
      'field-name': 'X',
      'field-required': false,
    };
    expect((await call('POST', connector, '/individual-configs', field))[1].message).toBe(
      'Individual configurations are frozen while the connector migrates.',
    );
  });

  test('is of the connector’s kind', async () => {
    const [source, destination] = [await makeExecutable(), await makeExecutable('destination')];
    const missing = badRequest({ 'legacy-executable': 'Legacy executable not found.' });
    const put = async (type: string, id: number) =>
      set(await migrating({}, type), { 'legacy-executable': id });
    expect(await put('datasource', destination)).toEqual(missing);
    expect(await put('upload', source)).toEqual(missing);
    expect(await put('data-service', source)).toEqual(missing);
    expect(await put('datasource', 2_000_000_000)).toEqual(missing);
    expect((await put('upload', destination))[0]).toBe(200);
  });

  test('refuses wrong values, flows and states', async () => {
    const executable = await makeExecutable();
    const plain = await makeConnector(server, user);
    expect(await set(plain, {})).toEqual(
      badRequest({ 'legacy-executable': 'This value should not be blank.' }),
    );
    expect(await set(plain, { 'legacy-executable': 0 })).toEqual(
      badRequest({ 'legacy-executable': 'This value should be greater than 0.' }),
    );
    expect(await set(plain, { 'legacy-executable': executable })).toEqual(
      badRequest({ flow: 'Only connectors with the migration flow can have a legacy executable.' }),
    );
    expect((await set(await migrating({ released: true }), { 'legacy-executable': executable }))[1]).toEqual({
      message: 'The version is in use in production; create a new version to change it.',
      errors: [],
    });
    for (const state of inFlightStates) {
      const connector = await migrating({ state });
      expect(await set(connector, { 'legacy-executable': executable })).toEqual(transitionRefused(state));
      expect(await reset(connector)).toEqual(transitionRefused(state));
    }
  });

  test('reset ends the migration in every version, and what was switched stays', async () => {
    const executable = await makeExecutable();
    const connector = await migrating({ legacy_executable: executable });
    const switched = await makeLegacySource(executable, {});
    await sync(connector);
    await makeVersion(server, connector, 2);
    const [status, body] = await reset(connector);
    expect([status, body.message, body.resource]).toEqual([
      200,
      'Legacy executable has been removed.',
      'connector-version',
    ]);
    expect(body.data.config.migration).toBeNull();
    expect(body.data.platform_prod_reference.executable).toBeNull();
    const { rows } = await sql`
      SELECT 1 FROM connector_versions WHERE connector_id = ${connector.id} AND legacy_executable IS NOT NULL`.execute(
      db,
    );
    expect(rows).toEqual([]);
    expect((await sourceOf(switched)).kind).toBe('connector');
    const field = {
      'command-option': 'x',
      'field-type': 'input',
      'field-name': 'X',
      'field-required': false,
    };
    expect((await call('POST', connector, '/individual-configs', field))[0]).toBe(201);
    expect(await reset(connector)).toEqual(
      badRequest({ flow: 'Only connectors with the migration flow can have a legacy executable.' }),
    );
    const removed = await server.request('DELETE', `/platform/legacy-executables/${executable}`, {
      token: admin.token,
    });
    expect(removed.status).toBe(204);
  });
});
