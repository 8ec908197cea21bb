import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeConnector, type TestConnector } from '../../test/support/connectors.ts';
import {
  badRequest,
  built,
  digest,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';

const { server, user, admin, call, show, logOf, auditOf } = await startVersionCalls();

describe('sync-runtime', () => {
  test.each(['built', 'synchronized-to-dev', 'synchronized-to-prod'])(
    'registers what was built, in %s, again and again',
    async (state) => {
      const connector = await makeConnector(server, user, { version: { ...built, state, cpus: '0.5' } });
      const ok = [200, { message: 'Successfully synchronized the version of the connector with runtime.' }];
      expect(await call('POST', connector, '/sync-runtime')).toEqual(ok);
      expect(await call('POST', connector, '/sync-runtime')).toEqual(ok);
      const row = await server.server.services.db
        .selectFrom('runtime_registrations')
        .selectAll()
        .where('version_id', '=', connector.versionId)
        .executeTakeFirst();
      expect(row).toMatchObject({
        digest,
        command: 'node',
        arguments: 'main.js',
        execution_mode: 'as-env-variables',
        memory_mb: 1024,
        cpus: '0.5',
        timeout_seconds: 3600,
        container_api_constraint: '^0.25',
      });
      expect((await show(connector)).state).toBe(state);
    },
  );

  test.each(['created', 'updating', 'updated', ...inFlightStates])('is not allowed in %s', async (state) => {
    const connector = await makeConnector(server, user, { version: { ...built, state } });
    expect(await call('POST', connector, '/sync-runtime')).toEqual(transitionRefused(state));
  });

  test('needs the runtime version of bin-docker-wrapper', async () => {
    const connector = await makeConnector(server, user, {
      version: { ...built, dev_runtime_environment: 'bin-docker-wrapper' },
    });
    expect(await call('POST', connector, '/sync-runtime')).toEqual([
      400,
      {
        message: 'Missing connector runtime version for runtime environment bin-docker-wrapper.',
        errors: [],
      },
    ]);
  });

  test('needs an engine that answers', async () => {
    const connector = await makeConnector(server, user, { version: built });
    const folder = join(server.home, 'engine');
    renameSync(folder, `${folder}-away`);
    writeFileSync(folder, 'no folder any more');
    try {
      expect(await call('POST', connector, '/sync-runtime')).toEqual([
        400,
        { message: 'The engine is not reachable', errors: [] },
      ]);
    } finally {
      rmSync(folder);
      renameSync(`${folder}-away`, folder);
    }
  });
});

describe.each(['prod', 'dev'] as const)('the %s runtime', (side) => {
  const put = (connector: TestConnector, body: object, who = admin) =>
    call('PUT', connector, `/runtime/${side}`, body, who);
  const ok = [200, { message: `Successfully updated connector ${side} runtime for version 1.0.0.` }];
  const missing = [
    400,
    { message: 'Missing connector runtime version for runtime environment bin-docker-wrapper.', errors: [] },
  ];
  const runtimeOf = async (connector: TestConnector) =>
    (await show(connector))[`platform_${side}_reference`].runtime;

  test('is set, and leaves a state that is done', async () => {
    const connector = await makeConnector(server, user);
    expect(await put(connector, { environment: 'bin-docker-wrapper', version: '12.10.0' })).toEqual(ok);
    expect(await runtimeOf(connector)).toEqual({ environment: 'bin-docker-wrapper', version: '12.10.0' });
    const [, { data }] = await call('GET', connector, '/states/update_to_docker_wrapper_version');
    expect(data).toMatchObject({
      status: 'done',
      owner: admin.id,
      config: { connectorPublicId: connector.id, majorVersion: 1 },
      data: { environment: side, version: '12.10.0' },
    });
    expect(Object.keys(data.config)).toEqual(['connectorPublicId', 'majorVersion']);
    expect(await logOf(data.id)).toEqual([`runtime: The ${side} runtime is bin-docker-wrapper 12.10.0.`]);
    expect(await auditOf(connector)).toEqual([`connector_update_runtime_${side}`]);
  });

  test('once it has a version, only that changes', async () => {
    const connector = await makeConnector(server, user);
    await put(connector, { environment: 'bin-docker-wrapper', version: '1.0.0' });
    expect(await put(connector, { environment: 'cre', version: '2.0.0-rc.1' })).toEqual(ok);
    expect(await runtimeOf(connector)).toEqual({ environment: 'bin-docker-wrapper', version: '2.0.0-rc.1' });
    expect(await put(connector, { environment: 'cre' })).toEqual(missing);
  });

  test('cre takes no version, and changing nothing writes no event', async () => {
    const connector = await makeConnector(server, user);
    expect(await put(connector, { environment: 'cre', version: 'anything' })).toEqual(ok);
    expect(await runtimeOf(connector)).toEqual({ environment: 'cre', version: null });
    expect(await auditOf(connector)).toEqual([]);
  });

  test('refuses what it can not take', async () => {
    const connector = await makeConnector(server, user);
    expect(await put(connector, { environment: 'bin-docker-wrapper' })).toEqual(missing);
    expect(await put(connector, { environment: 'bin-docker-wrapper', version: '' })).toEqual(missing);
    expect(await put(connector, { environment: 'bin-docker-wrapper', version: '1.0' })).toEqual(
      badRequest({ version: 'This value is not valid.' }),
    );
    expect(await put(connector, {})).toEqual(badRequest({ environment: 'This value should not be blank.' }));
    expect(await put(connector, { environment: 'docker' })).toEqual(
      badRequest({ environment: 'The value you selected is not a valid choice.' }),
    );
    expect((await put(connector, { environment: 'cre' }, user))[0]).toBe(403);
  });
});
