import { type ChildProcess, spawn } from 'node:child_process';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { configured, makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeAccount } from '../../test/support/platform.ts';
import { makeRepository, plainConnector } from '../../test/support/repository.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { until } from '../../test/support/wait.ts';
import { newId } from '../ids.ts';
import { holdLease } from '../jobs/leases.ts';
import { recover } from './recovery.ts';

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer({ SLIPWAY_ENGINE: 'process', SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true' });
  user = await server.makeUser();
});

const digest = `sha256:${'a'.repeat(64)}`;
const lost = 'The worker was lost and the action could not be resumed';

const stateOf = async (id: string, target = server, who = user) =>
  (await target.request('GET', `/states/${id}`, { token: who.token })).body.data;
const versionOf = async (connector: TestConnector, target = server, who = user) =>
  (await target.request('GET', `/connectors/${connector.id}`, { token: who.token })).body.data.versions[0];
const settled = (id: string, target = server, who = user) =>
  until(async () => {
    const found = await stateOf(id, target, who);
    return found.status !== 'pending' && found;
  });

interface Interrupted {
  name: 'build' | 'synchronize_to_dev' | 'create_platform_site';
  worker?: string | null;
  attempts?: number;
  step?: string;
  stepsDone?: string[];
}

/** An operation as a worker leaves it behind that was killed in the middle. */
async function interrupt(connector: TestConnector, left: Interrupted): Promise<string> {
  const { db } = server.server.services;
  const id = newId();
  const { worker = newId(), attempts = 1, step = null, stepsDone = [] } = left;
  const common = { connector_id: connector.id, version_id: connector.versionId, major: 1 };
  await db
    .insertInto('states')
    .values({
      id,
      ...common,
      name: left.name,
      status: 'pending',
      owner_id: user.id,
      config: '{}',
      worker_id: worker,
      attempts,
      step,
      steps_done: stepsDone,
    })
    .execute();
  if (left.name === 'build') {
    const steps = [
      { name: 'clone', status: 'running', started_at: new Date(), finished_at: null, duration_ms: null },
    ];
    await db
      .insertInto('builds')
      .values({
        id,
        ...common,
        version: '1.0.0',
        status: worker === null ? 'queued' : 'running',
        branch: 'main',
        steps: JSON.stringify(steps),
        triggered_by: user.id,
        started_at: worker === null ? null : sql<Date>`now()`,
      })
      .execute();
  }
  return id;
}

const building = () => ({
  ...configured,
  command: 'sh',
  arguments: 'main.sh',
  vcs_url: makeRepository(server).url,
  state: 'building',
  state_before: 'updated',
});

const synchronizing = async () => ({
  ...configured,
  image_digest: digest,
  dev_account: await makeAccount(server),
  state: 'synchronizing-to-dev',
  state_before: 'built',
});

describe('work whose worker is gone', () => {
  test('a build begins again and ends well', async () => {
    const connector = await makeConnector(server, user, { version: building() });
    const id = await interrupt(connector, { name: 'build', step: 'clone' });
    expect(await recover(server.server.services)).toMatchObject({ resumed: 1, ended: 0, returned: 0 });
    expect(await settled(id)).toMatchObject({ status: 'done' });
    expect((await versionOf(connector)).state).toBe('built');
    const { body } = await server.request('GET', `/builds/${id}/logs`, { token: user.token });
    expect(body.data[0]).toMatchObject({ message: 'The worker was lost; the build begins again.' });
    const row = await server.server.services.db
      .selectFrom('states')
      .select(['attempts', 'worker_id'])
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row).toEqual({ attempts: 2, worker_id: null });
  });

  test('a synchronization resumes at the first step that is not recorded', async () => {
    const connector = await makeConnector(server, user, { version: await synchronizing() });
    const id = await interrupt(connector, { name: 'synchronize_to_dev', stepsDone: ['runtime'] });
    await recover(server.server.services);
    expect(await settled(id)).toMatchObject({ status: 'done' });
    expect((await versionOf(connector)).state).toBe('synchronized-to-dev');
    const { body } = await server.request('GET', `/states/${id}/logs`, { token: user.token });
    expect(body.data.map(({ source }: { source: string }) => source)).toEqual([
      'site',
      'connector',
      'assign',
    ]);
  });

  test.each([
    ['build', 'updated', 'clone'],
    ['synchronize_to_dev', 'built', 'site'],
  ] as const)(
    'a %s that was resumed twice fails, and the version goes back to %s',
    async (name, before, step) => {
      const columns = name === 'build' ? building() : await synchronizing();
      const connector = await makeConnector(server, user, { version: columns });
      const id = await interrupt(connector, { name, attempts: 3, step });
      expect(await recover(server.server.services)).toMatchObject({ resumed: 0, ended: 1, returned: 0 });
      expect(await stateOf(id)).toMatchObject({ status: 'failed', data: { error: lost, step } });
      expect((await versionOf(connector)).state).toBe(before);
      if (name === 'build') {
        const { body } = await server.request('GET', `/builds/${id}`, { token: user.token });
        expect(body.data).toMatchObject({
          status: 'failed',
          failure: { step, error: lost, 'exit-code': null },
          steps: [{ name: 'clone', status: 'failed' }],
        });
      }
      // Nothing is left to do.
      expect(await recover(server.server.services)).toEqual({ resumed: 0, ended: 0, returned: 0 });
    },
  );

  test('what waits and has lost its job gets it again', async () => {
    const connector = await makeConnector(server, user, { version: building() });
    const id = await interrupt(connector, { name: 'build', worker: null, attempts: 0 });
    await recover(server.server.services);
    expect(await settled(id)).toMatchObject({ status: 'done' });
    const row = await server.server.services.db
      .selectFrom('states')
      .select('attempts')
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row).toEqual({ attempts: 1 });
  });

  test('what this process has, but not in hand, is taken up too', async () => {
    const { workerId } = server.server.services;
    const connector = await makeConnector(server, user, { version: building() });
    const id = await interrupt(connector, { name: 'build', worker: workerId });
    await recover(server.server.services);
    expect(await settled(id)).toMatchObject({ status: 'done' });
  });

  test('a version in flight without an operation goes back', async () => {
    const connector = await makeConnector(server, user, {
      version: { ...configured, state: 'resynchronizing-to-dev', state_before: 'synchronized-to-prod' },
    });
    expect(await recover(server.server.services)).toEqual({ resumed: 0, ended: 0, returned: 1 });
    expect((await versionOf(connector)).state).toBe('synchronized-to-prod');
    const { rows } = await sql<{ changes: unknown }>`
      SELECT changes FROM audit_events WHERE connector_id = ${connector.id} AND action = 'system.recover'`.execute(
      server.server.services.db,
    );
    expect(rows).toEqual([
      { changes: [{ path: 'state', from: 'resynchronizing-to-dev', to: 'synchronized-to-prod' }] },
    ]);
  });

  test('what a living worker has is left to it, until it dies', async () => {
    const { db, log, settings } = server.server.services;
    const worker = newId();
    const lease = await holdLease(db, settings.databaseUrl ?? '', { id: worker, role: 'worker' }, log);
    const connector = await makeConnector(server, user, { version: building() });
    const id = await interrupt(connector, { name: 'build', worker });
    expect(await recover(server.server.services)).toEqual({ resumed: 0, ended: 0, returned: 0 });
    expect(await stateOf(id)).toMatchObject({ status: 'pending' });
    await lease.stop();
    expect(await recover(server.server.services)).toMatchObject({ resumed: 1 });
    expect(await settled(id)).toMatchObject({ status: 'done' });
  });
});

describe('a worker that is killed', () => {
  let api: TestServer;
  let owner: TestUser;
  const children: ChildProcess[] = [];

  beforeAll(async () => {
    api = await startTestServer({
      SLIPWAY_ROLE: 'api',
      SLIPWAY_ENGINE: 'process',
      SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
    });
    owner = await api.makeUser();
  });
  afterAll(() => {
    for (const child of children) child.kill('SIGKILL');
  });

  /** A worker in a process of its own, on the same database and home. */
  function startWorkerProcess(): ChildProcess {
    const { settings } = api.server.services;
    const child = spawn(process.execPath, [new URL('../main.ts', import.meta.url).pathname, 'serve'], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: {
        PATH: process.env.PATH,
        SLIPWAY_ROLE: 'worker',
        SLIPWAY_HOME: api.home,
        SLIPWAY_PORT: '0',
        SLIPWAY_DATABASE_URL: settings.databaseUrl ?? '',
        SLIPWAY_ENGINE: 'process',
        SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
        SLIPWAY_LOCAL_REPOSITORIES_ROOT: settings.localRepositoriesRoot,
        SLIPWAY_DEMO: 'false',
        SLIPWAY_LOG_LEVEL: 'error',
      },
    });
    children.push(child);
    return child;
  }

  test('with -9 in the middle of a build leaves it to the next one', async () => {
    const repository = makeRepository(api, { ...plainConnector, 'slipway.yaml': 'install: sleep 2\n' });
    const connector = await makeConnector(api, owner, {
      version: { ...configured, command: 'sh', arguments: 'main.sh', vcs_url: repository.url },
    });
    const answer = await api.request('POST', '/builds/connectors', {
      token: owner.token,
      body: { connector: connector.id },
    });
    const id = answer.body.data.state.uuid;
    expect((await stateOf(id, api, owner)).status).toBe('pending');
    const first = startWorkerProcess();
    const build = async () => (await api.request('GET', `/builds/${id}`, { token: owner.token })).body.data;
    await until(async () => (await build()).steps[3].status === 'running');
    first.kill('SIGKILL');
    expect((await versionOf(connector, api, owner)).state).toBe('building');
    startWorkerProcess();
    expect(await settled(id, api, owner)).toMatchObject({ status: 'done' });
    expect(await build()).toMatchObject({ status: 'done', failure: null });
    expect((await versionOf(connector, api, owner)).state).toBe('built');
    const row = await api.server.services.db
      .selectFrom('states')
      .select('attempts')
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row).toEqual({ attempts: 2 });
  }, 60_000);

  test('asked to stop gives its build back, and that attempt does not count', async () => {
    const stopped = startWorkerProcess();
    const repository = makeRepository(api, { ...plainConnector, 'slipway.yaml': 'install: sleep 3\n' });
    const connector = await makeConnector(api, owner, {
      version: { ...configured, command: 'sh', arguments: 'main.sh', vcs_url: repository.url },
    });
    // Only the new worker is left.
    for (const child of children) if (child !== stopped) child.kill('SIGKILL');
    const answer = await api.request('POST', '/builds/connectors', {
      token: owner.token,
      body: { connector: connector.id },
    });
    const id = answer.body.data.state.uuid;
    const build = async () => (await api.request('GET', `/builds/${id}`, { token: owner.token })).body.data;
    await until(async () => (await build()).steps[3].status === 'running');
    const gone = new Promise((resolve) => stopped.once('exit', resolve));
    stopped.kill('SIGTERM');
    await gone;
    expect(await build()).toMatchObject({ status: 'queued', position: 1 });
    startWorkerProcess();
    expect(await settled(id, api, owner)).toMatchObject({ status: 'done' });
    const row = await api.server.services.db
      .selectFrom('states')
      .select('attempts')
      .where('id', '=', id)
      .executeTakeFirst();
    expect(row).toEqual({ attempts: 1 });
  }, 60_000);
});
