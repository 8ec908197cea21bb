import { describe, expect, test } from 'vitest';
import { buildCalls, runnable } from '../../test/support/builds.ts';
import { configured, makeConnector } from '../../test/support/connectors.ts';
import { makeRepository } from '../../test/support/repository.ts';
import { startTestServer } from '../../test/support/server.ts';
import { until } from '../../test/support/wait.ts';

const server = await startTestServer({ SLIPWAY_ENGINE: 'process', SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true' });
const user = await server.makeUser();
const { get, trigger, settled } = buildCalls(server, user);

describe('what a build needs', () => {
  const refusals: [string, object, object, unknown][] = [
    [
      'created',
      { state: 'created', update_progress: [] },
      {},
      {
        message: 'Bad request.',
        errors: {
          'vcs-config': 'VCS config is missing.',
          'application-config': 'Application config is missing.',
        },
      },
    ],
    [
      'updating',
      { state: 'updating', update_progress: ['vcs-config'] },
      {},
      { message: 'Bad request.', errors: { 'application-config': 'Application config is missing.' } },
    ],
    [
      'released',
      { state: 'synchronized-to-prod', released: true },
      {},
      {
        message: 'The version is in use in production; create a new version to change it.',
        errors: [],
      },
    ],
    ...[
      'building',
      'synchronizing-to-dev',
      'resynchronizing-to-dev',
      'synchronizing-to-prod',
      'resynchronizing-to-prod',
    ].map((name): [string, object, object, unknown] => [
      name,
      { state: name },
      {},
      { message: `Transition is not allowed, entity is ${name}.`, errors: [] },
    ]),
    [
      'wrong fields',
      {},
      { version: 'newest', commit: 'xyz' },
      {
        message: 'Bad request.',
        errors: { version: 'This value is not valid.', commit: 'This value is not a valid commit.' },
      },
    ],
    [
      'an unknown key',
      {},
      { branch: 'main' },
      { message: 'Bad request.', errors: { branch: 'This field was not expected.' } },
    ],
  ];

  test.each(refusals)('%s is refused', async (_name, columns, fields, body) => {
    const connector = await makeConnector(server, user, { version: { ...configured, ...columns } });
    const answer = await trigger(connector, fields);
    expect([answer.status, answer.body]).toEqual([400, body]);
    const states = await get(`/connectors/${connector.id}/versions/1/states`);
    expect(states.metadata.total).toBe(0);
  });

  test.each([undefined, null, '', 'no uuid', 7])('connector %j is no id', async (connector) => {
    const answer = await server.request('POST', '/builds/connectors', {
      token: user.token,
      body: { connector },
    });
    expect(answer.body).toEqual({
      message: 'Bad request.',
      errors: { connector: 'This is not a valid UUID.' },
    });
  });

  test('a version that is not there is not found; a foreign connector is forbidden', async () => {
    const connector = await makeConnector(server, user, { version: configured });
    const missing = await trigger(connector, { version: '2' });
    expect([missing.status, missing.body]).toEqual([404, { message: 'Connector version not found.' }]);
    const main = await trigger(connector, { version: 'main' });
    expect(main.status).toBe(404);
    const foreign = await server.makeUser();
    const answer = await server.request('POST', '/builds/connectors', {
      token: foreign.token,
      body: { connector: connector.id, version: '2' },
    });
    expect([answer.status, answer.body]).toEqual([403, { message: 'Access denied for user.' }]);
  });
});

describe('reading builds', () => {
  test('lists with filters, for those who may see them', async () => {
    const owner = await server.makeUser();
    const foreign = await server.makeUser();
    const { url } = makeRepository(server);
    const connector = await makeConnector(server, owner, { version: { ...runnable, vcs_url: url } });
    const answer = await server.request('POST', '/builds/connectors', {
      token: owner.token,
      body: { connector: connector.id },
    });
    const id = answer.body.data.state.uuid;
    const list = async (query: string, token = owner.token) =>
      (await server.request('GET', `/builds${query}`, { token })).body;
    const all = await list('');
    expect(all).toMatchObject({ resource: 'build', message: 'successful operation' });
    expect(all.data.map((item: { id: string }) => item.id)).toEqual([id]);
    await until(async () => (await list('?status=done')).metadata.total === 1);
    expect((await list(`?connector-id=${connector.id}&connector-version=1`)).metadata.total).toBe(1);
    expect((await list('?connector-version=1.0.0')).metadata.total).toBe(1);
    expect((await list('?connector-version=2')).metadata.total).toBe(0);
    expect((await list('', foreign.token)).metadata.total).toBe(0);
    expect(await list('?status=gone&connector-id=x&connector-version=one')).toEqual({
      message: 'Bad request.',
      errors: {
        'connector-id': 'This is not a valid UUID.',
        'connector-version': 'This value is not valid.',
        status: 'The value you selected is not a valid choice.',
      },
    });
    for (const [method, path] of [
      ['GET', `/builds/${id}`],
      ['GET', `/builds/${id}/logs`],
      ['DELETE', `/builds/${id}`],
    ] as const) {
      expect((await server.request(method, path, { token: foreign.token })).status).toBe(403);
      const gone = await server.request(method, path.replace(id, crypto.randomUUID()), {
        token: owner.token,
      });
      expect([gone.status, gone.body]).toEqual([404, { message: 'Build not found.' }]);
    }
  });

  test('the log as list, lines and events', async () => {
    const { url } = makeRepository(server);
    const connector = await makeConnector(server, user, { version: { ...runnable, vcs_url: url } });
    const { id } = await trigger(connector);
    const live = server.request('GET', `/builds/${id}/logs`, {
      token: user.token,
      headers: { accept: 'text/event-stream' },
    });
    await settled(id);
    const list = await get(`/builds/${id}/logs`);
    expect(list.resource).toBe('log');
    expect(list.data.map((line: { number: number }) => line.number)).toEqual(
      list.data.map((_line: unknown, index: number) => index + 1),
    );
    const events = await live;
    expect(events.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
    const blocks = events.text.split('\n\n').filter((block) => block.startsWith('id: '));
    expect(blocks).toHaveLength(list.metadata.total);
    expect(events.text.trimEnd().endsWith('event: end\ndata: {"status":"done"}')).toBe(true);
    const lines = await server.request('GET', `/builds/${id}/logs?source=clone`, {
      token: user.token,
      headers: { accept: 'application/x-ndjson' },
    });
    expect(lines.headers.get('content-type')).toBe('application/x-ndjson');
    const parsed = lines.text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { source: string });
    expect(parsed.length).toBeGreaterThan(0);
    expect(parsed.every(({ source }) => source === 'clone')).toBe(true);
    expect(await get(`/builds/${id}/logs?level=loud&source=nowhere`)).toEqual({
      message: 'Bad request.',
      errors: {
        level: 'The value you selected is not a valid choice.',
        source: 'The value you selected is not a valid choice.',
      },
    });
  });
});
