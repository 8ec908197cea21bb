import { sql } from 'kysely';
import { describe, expect, test } from 'vitest';
import { buildCalls, runnable } from '../../test/support/builds.ts';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import { makeRepository, plainConnector } from '../../test/support/repository.ts';
import { startTestServer } from '../../test/support/server.ts';
import { until } from '../../test/support/wait.ts';

const server = await startTestServer({
  SLIPWAY_ENGINE: 'process',
  SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
  SLIPWAY_BUILD_TIMEOUT_SECONDS: '10',
});
const user = await server.makeUser();
const { get, state, trigger, settled } = buildCalls(server, user);

const build = async (id: string) => (await get(`/builds/${id}`)).data;
const version = async (connector: TestConnector) =>
  (await get(`/connectors/${connector.id}`)).data.versions[0];
const messagesOf = async (id: string): Promise<string[]> =>
  (await get(`/builds/${id}/logs?limit=1000`)).data.map((line: { message: string }) => line.message);

describe('a build that works', () => {
  test('ends as built, with commit, image and digest everywhere', async () => {
    const repository = makeRepository(server);
    const commit = repository.commit({ 'more.txt': 'more' });
    const connector = await makeConnector(server, user, {
      version: { ...runnable, vcs_url: repository.url, health_check: 'ready' },
    });
    const { id, status, body } = await trigger(connector);
    expect(status).toBe(202);
    expect(body).toEqual({ message: 'Build started.', data: { state: { uuid: id } } });
    const done = await settled(id);
    const tag = `1.0.0-${commit.slice(0, 12)}`;
    const name = `slipway/${connector.id}`;
    expect(done).toMatchObject({
      status: 'done',
      name: 'build',
      owner: user.id,
      config: {
        connectorPublicId: connector.id,
        majorVersion: 1,
        commit: null,
        vcs: { url: repository.url, branch: 'main', token: '***' },
      },
      data: { commit, image: `${name}:${tag}`, digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/) },
    });
    const built = await build(id);
    expect(Object.keys(built)).toEqual([
      'id',
      'connector-id',
      'connector-version',
      'status',
      'position',
      'branch',
      'commit',
      'image-name',
      'image-tag',
      'digest',
      'duration-ms',
      'steps',
      'failure',
      'triggered-by',
      'created-at',
      'started-at',
      'finished-at',
    ]);
    expect(built).toMatchObject({
      id,
      'connector-version': '1.0.0',
      status: 'done',
      position: null,
      commit,
      'image-name': name,
      'image-tag': tag,
      digest: done.data.digest,
      failure: null,
      'triggered-by': user.id,
    });
    expect(built.steps.map((step: { name: string; status: string }) => [step.name, step.status])).toEqual([
      ['prepare', 'done'],
      ['clone', 'done'],
      ['check', 'done'],
      ['image', 'done'],
      ['health', 'done'],
      ['push', 'skipped'],
    ]);
    expect(built.steps[1]).toMatchObject({
      'started-at': expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00$/),
      'duration-ms': expect.any(Number),
    });
    expect(await version(connector)).toMatchObject({
      state: 'built',
      config: {
        docker: { 'image-name': name, 'image-tag': tag, 'registry-url': null },
        vcs: { 'latest-commit': commit },
      },
    });
    const { rows } = await sql<{ action: string; changes: unknown }>`
      SELECT action, changes FROM audit_events WHERE connector_id = ${connector.id} AND action <> 'connector_create'
      ORDER BY time, id`.execute(server.server.services.db);
    expect(rows).toEqual([
      {
        action: 'connector_build_trigger',
        changes: [{ path: 'state', from: 'updated', to: 'building' }],
      },
      { action: 'system.build', changes: [{ path: 'state', from: 'building', to: 'built' }] },
    ]);
  });

  test('the same input has the same digest; a commit can be named by its first digits', async () => {
    const repository = makeRepository(server);
    const first = repository.commit({ 'a.txt': '1' });
    const connector = await makeConnector(server, user, {
      version: { ...runnable, vcs_url: repository.url },
    });
    const one = await settled((await trigger(connector)).id);
    repository.commit({ 'a.txt': '2' });
    const two = await settled((await trigger(connector)).id);
    const three = await settled((await trigger(connector, { version: 1, commit: first.slice(0, 8) })).id);
    expect(two.data.digest).not.toBe(one.data.digest);
    expect(three.data).toEqual(one.data);
    expect(three.config.commit).toBe(first.slice(0, 8));
  });
});

describe('a build that fails', () => {
  const cases: [string, Record<string, string>, object, object, RegExp][] = [
    [
      'has no such branch',
      plainConnector,
      { vcs_branch: 'gone' },
      { step: 'clone', error: 'Git clone failed with exit code 128', 'exit-code': 128 },
      /Branch gone was not found/,
    ],
    [
      'has an ENTRYPOINT',
      { ...plainConnector, Dockerfile: 'FROM scratch\nENTRYPOINT ["sh"]\n' },
      {},
      { step: 'check', error: 'Build docker image failed, with exit code 1', 'exit-code': 1 },
      /ENTRYPOINT is not supported. Use CMD instead./,
    ],
    [
      'can not install',
      { ...plainConnector, 'slipway.yaml': 'install: sh -c "exit 7"\n' },
      {},
      { step: 'image', error: 'Build docker image failed, with exit code 7', 'exit-code': 7 },
      /./,
    ],
    [
      'is not healthy',
      { ...plainConnector, 'main.sh': 'exit 4\n' },
      { health_check: 'check' },
      { step: 'health', error: 'Image health check exited with code 4', 'exit-code': 4 },
      /./,
    ],
    [
      'has no credential',
      plainConnector,
      { vcs_authorization: 'basic', vcs_username: 'somebody' },
      { step: 'prepare', error: 'VCS secret from Vault is missing', 'exit-code': null },
      /./,
    ],
  ];

  test.each(cases)('because it %s', async (_name, files, columns, failure, message) => {
    const repository = makeRepository(server, files);
    const connector = await makeConnector(server, user, {
      version: { ...runnable, state: 'built', vcs_url: repository.url, ...columns },
    });
    const { id } = await trigger(connector);
    const { step, error } = failure as { step: string; error: string };
    expect(await settled(id)).toMatchObject({ status: 'failed', data: { error, step } });
    expect(await build(id)).toMatchObject({ status: 'failed', failure, 'finished-at': expect.any(String) });
    const steps = (await build(id)).steps as { name: string; status: string }[];
    expect(steps.find(({ name }) => name === step)?.status).toBe('failed');
    expect((await version(connector)).state).toBe('built');
    expect((await messagesOf(id)).join('\n')).toMatch(message);
  });

  test('without ever showing a secret', async () => {
    const { db, vault } = server.server.services;
    // A token that is part of what git would be told: the log has it masked.
    const token = await db.transaction().execute((work) => vault.put(work, 'vcs-token', 'repository'));
    const connector = await makeConnector(server, user, {
      version: {
        ...runnable,
        vcs_url: makeRepository(server).url,
        vcs_authorization: 'basic',
        vcs_username: 'somebody',
        vcs_token: token,
      },
    });
    const { id } = await trigger(connector);
    expect(await settled(id)).toMatchObject({ data: { error: 'Git clone failed with exit code 128' } });
    expect(await messagesOf(id)).toContain('This value is not a valid *** URL.');
    const { rows } = await sql<{ lines: string }>`SELECT lines FROM log_chunks WHERE subject = ${id}`.execute(
      db,
    );
    expect(rows.map(({ lines }) => lines).join()).not.toContain('repository URL');
  });

  test('because its secret can not be opened any more', async () => {
    const { db, vault } = server.server.services;
    const token = await db.transaction().execute((work) => vault.put(work, 'vcs-token', 'token-token'));
    await db
      .updateTable('vault_entries')
      .set({ sealed: Buffer.alloc(40) })
      .where('id', '=', token)
      .execute();
    const connector = await makeConnector(server, user, {
      version: { ...runnable, vcs_authorization: 'basic', vcs_username: 'somebody', vcs_token: token },
    });
    const { id } = await trigger(connector);
    expect(await settled(id)).toMatchObject({
      data: { error: 'VCS secret from Vault is missing', step: 'prepare' },
    });
    expect(await messagesOf(id)).toContain('The VCS secret can not be opened with the present key.');
  });

  test('because the health check takes too long', async () => {
    const repository = makeRepository(server, { ...plainConnector, 'main.sh': 'exec sleep 30\n' });
    const connector = await makeConnector(server, user, {
      version: { ...runnable, vcs_url: repository.url, health_check: 'x' },
    });
    const { id } = await trigger(connector);
    expect(await settled(id)).toMatchObject({
      data: { error: 'Checking image health took too long', step: 'health' },
    });
  });

  test('because it takes too long as a whole', async () => {
    const repository = makeRepository(server, { ...plainConnector, 'slipway.yaml': 'install: sleep 60\n' });
    const connector = await makeConnector(server, user, {
      version: { ...runnable, vcs_url: repository.url },
    });
    const { id } = await trigger(connector);
    expect(await settled(id)).toMatchObject({ data: { error: 'Build took too long', step: 'image' } });
    expect((await version(connector)).state).toBe('updated');
  });
});

describe('the queue', () => {
  test('builds one after another, says the position, and cancels what waits or runs', async () => {
    const slow = makeRepository(server, { ...plainConnector, 'slipway.yaml': 'install: sleep 5\n' });
    const connectors = await Promise.all(
      [1, 2, 3].map(() => makeConnector(server, user, { version: { ...runnable, vcs_url: slow.url } })),
    );
    const ids: string[] = [];
    for (const connector of connectors) ids.push((await trigger(connector)).id);
    const [first = '', second = '', third = ''] = ids;
    await until(async () => (await build(first)).steps[3].status === 'running');
    expect(await build(second)).toMatchObject({ status: 'queued', position: 1, 'started-at': null });
    expect(await build(third)).toMatchObject({ status: 'queued', position: 2 });

    const cancel = (id: string) => server.request('DELETE', `/builds/${id}`, { token: user.token });
    const waiting = await cancel(second);
    expect([waiting.status, waiting.body]).toEqual([200, { message: 'Build cancelled.' }]);
    expect(await build(second)).toMatchObject({ status: 'cancelled', position: null, failure: null });
    expect(await state(second)).toMatchObject({
      status: 'failed',
      data: { error: 'Build was cancelled', step: 'prepare' },
    });
    expect(await build(third)).toMatchObject({ position: 1 });

    expect((await cancel(first)).status).toBe(200);
    expect(await build(first)).toMatchObject({ status: 'cancelled' });
    expect(await state(first)).toMatchObject({ data: { error: 'Build was cancelled', step: 'image' } });
    for (const connector of connectors.slice(0, 2)) {
      expect((await version(connector)).state).toBe('updated');
    }
    const again = await cancel(first);
    expect([again.status, again.body]).toEqual([
      400,
      { message: 'The action can no longer be cancelled.', errors: [] },
    ]);
    // The worker has noticed and takes the next one.
    await until(async () => (await build(third)).status === 'running');
    await cancel(third);
  });
});
