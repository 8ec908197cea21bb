import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runFolder } from '@slipway/container-api';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
  endOfRun,
  localRepositories,
} from '../../test/support/deployed.ts';
import { makeVersion } from '../../test/support/production.ts';
import { testFields, testScript } from '../../test/support/script.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let user: TestUser;
let digest: string;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  digest = await buildScript(server, testScript);
});

const get = (path: string, as = user) => server.request('GET', path, { token: as.token });
const post = (path: string, body?: unknown, as = user) =>
  server.request('POST', path, { token: as.token, body });

/** Starts a run or a replay and waits for its end; gives its id. */
async function ended(path: string, body?: unknown): Promise<string> {
  const answer = await post(path, body);
  expect([answer.status, answer.body.message], answer.text).toEqual([202, 'Run started.']);
  const id = answer.body.data.run.uuid;
  await endOfRun(server, user, id);
  const run = (await get(`/runs/${id}`)).body.data;
  expect(run['process-id']).toBe(answer.body.data['process-id']);
  await endOfProcess(server, user, run['site-id'], run['process-id']);
  return id;
}

const exporter = (): Promise<DeployedConnector> =>
  deploy(server, user, digest, { type: 'export', fields: [{ option: 'mode', default: 'echo' }, ...token] });
const token = [{ option: 'token', type: 'password' as const }];

describe('a replay', () => {
  test('has the input and the values of the earlier run, passwords among them', async () => {
    const connector = await exporter();
    const rows = [{ id: 1, title: 'Cup' }, { id: 2 }];
    const first = await ended('/runs', {
      connector: connector.id,
      input: { rows: { input: rows } },
      values: { token: 'geheimnis' },
    });
    const again = await ended(`/runs/${first}/replay`);
    for (const part of ['/feedback', '/stats']) {
      const { data } = (await get(`/runs/${again}${part}`)).body;
      const { data: before } = (await get(`/runs/${first}${part}`)).body;
      if (part === '/stats') expect(data['rows-read']).toEqual(before['rows-read']);
      else expect(data).toEqual(before);
    }
    const shown = (await get(`/runs/${again}`)).body.data;
    expect(shown['connector-setup-config']).toEqual({ mode: 'echo', token: '***' });
    const lines = (await get(`/runs/${again}/logs?source=stdout`)).body.data;
    expect(lines[0].message).toBe('mode echo token ***');
    const audited = await server.server.services.db
      .selectFrom('audit_events')
      .select(['action', 'changes'])
      .where('entity_id', '=', again)
      .where('action', '!=', 'run_feedback')
      .execute();
    expect(audited).toEqual([
      { action: 'run_replay', changes: [{ path: 'replay-of', from: null, to: first }] },
    ]);
    // A replay can be replayed, also when the first run's folder is gone.
    await server.server.services.storage.remove('runs', first);
    const third = await ended(`/runs/${again}/replay`);
    expect((await get(`/runs/${third}/feedback`)).body.metadata.total).toBe(2);
  });

  test('may run on another version, which takes the values it knows', async () => {
    const connector = await deploy(server, user, digest, { fields: testFields });
    await makeVersion(server, connector, 2);
    const first = await ended('/runs', { connector: connector.id, version: 1, values: { rows: '2' } });
    const other = await ended(`/runs/${first}/replay`, { version: 2 });
    const run = (await get(`/runs/${other}`)).body.data;
    expect([run['connector-version'], run['site-id']]).toEqual(['2.0.0', connector.site]);
    expect((await get(`/runs/${other}/output`)).body.metadata.total).toBe(2);
  });

  test('begins with the files the earlier run began with, not with what became of them', async () => {
    const script = `
      import { readFileSync, writeFileSync } from 'node:fs';
      const file = process.env.SLIPWAY_EXCHANGE_DIR + '/in.txt';
      console.log('found ' + readFileSync(file, 'utf8'));
      writeFileSync(file, 'changed');`;
    const connector = await deploy(server, user, await buildScript(server, script), { type: 'transform' });
    const first = randomUUID();
    // As a chain does it: the files of the download are given to the run before it begins.
    const { given } = runFolder(await server.server.services.storage.folder('runs', first));
    await mkdir(given, { recursive: true });
    await writeFile(join(given, 'in.txt'), 'the original');
    await insertEnded(connector, first);
    const replayed = await ended(`/runs/${first}/replay`);
    const again = await ended(`/runs/${replayed}/replay`);
    for (const id of [replayed, again]) {
      const lines = (await get(`/runs/${id}/logs?source=stdout`)).body.data;
      expect(lines.map((line: { message: string }) => line.message)).toEqual(['found the original']);
    }
  });

  test('is refused when the input is no longer stored', async () => {
    const connector = await exporter();
    const first = await ended('/runs', { connector: connector.id, input: { rows: { input: [{ id: 1 }] } } });
    await server.server.services.db
      .updateTable('runs')
      .set({ input_available: false })
      .where('id', '=', first)
      .execute();
    const answer = await post(`/runs/${first}/replay`);
    expect([answer.status, answer.body]).toEqual([
      400,
      { message: 'The input of this run is no longer stored.', errors: [] },
    ]);
  });

  test('needs the run, its version, its site, and the right to write', async () => {
    const connector = await deploy(server, user, digest, { fields: testFields });
    const first = await ended('/runs', { connector: connector.id });
    const path = `/runs/${first}/replay`;
    const unknown = await post(`/runs/${randomUUID()}/replay`);
    expect([unknown.status, unknown.body]).toEqual([404, { message: 'Run not found.' }]);
    expect((await post(path, { version: 'newest' })).body.errors).toEqual({
      version: 'This value is not valid.',
    });
    const version = await post(path, { version: 9 });
    expect([version.status, version.body]).toEqual([404, { message: 'Connector version not found.' }]);
    for (const stranger of [await server.makeUser(), await server.makeUser({ role: 'viewer' })]) {
      const answer = await post(path, {}, stranger);
      expect([answer.status, answer.body]).toEqual([403, { message: 'Access denied for user.' }]);
    }
    await makeVersion(server, connector, 3, { dev_config: null });
    expect((await post(path, { version: 3 })).body.errors).toEqual({
      connector: 'Connector must be synchronized to dev.',
    });
    // The site is no longer the connector's dev site, so its owner may not write to it.
    await server.server.services.db
      .updateTable('connector_versions')
      .set({ dev_site: null })
      .where('connector_id', '=', connector.id)
      .execute();
    expect((await post(path)).body.errors).toEqual({ site: 'Site not found.' });
  });
});

async function insertEnded(connector: DeployedConnector, id: string): Promise<void> {
  await server.server.services.db
    .insertInto('runs')
    .values({
      id,
      connector_id: connector.id,
      version_id: connector.versionId,
      major: 1,
      connector_version: '1.0.0',
      state: 'finished',
      environment: 'dev',
      stage: 'import',
      process_id: randomUUID(),
      site_id: connector.site,
      site_name: 'S',
      project_id: 1,
      project_name: 'P',
      account_id: 1,
      account_name: 'A',
      input_available: true,
      form_values: '[]',
    })
    .execute();
}

test('a replay takes its turn on the site, and ends with its connector', async () => {
  const connector = await exporter();
  const first = await ended('/runs', { connector: connector.id, input: { rows: { input: [{ id: 1 }] } } });
  const { db } = server.server.services;
  await db
    .insertInto('processes')
    .values({
      id: randomUUID(),
      site_id: connector.site,
      action: 'import',
      status: 'queued',
      trigger: 'manual',
      steps: '[]',
    })
    .execute();
  const busy = await post(`/runs/${first}/replay`);
  expect([busy.status, busy.body]).toEqual([409, { message: 'A process is already queued for this site.' }]);
  await db.deleteFrom('processes').where('site_id', '=', connector.site).execute();
  await db.updateTable('connectors').set({ deleted_at: new Date() }).where('id', '=', connector.id).execute();
  const binned = await post(`/runs/${first}/replay`);
  expect([binned.status, binned.body]).toEqual([404, { message: 'Connector not found.' }]);
});
