import { execFileSync } from 'node:child_process';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ServerProcess } from './support/server-process.ts';
import { eventually } from './support/wait.ts';

/**
 * The whole server as a process of its own, killed with -9 in the middle of its work. After the next start every version,
 * build and run is in a true state, and whatever was acknowledged is there.
 */

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.open();
});

afterAll(() => server.close());

test('killed during a build: the next start finishes it', async () => {
  const { id, version } = await server.makeConnector('slow-build', {
    'main.mjs': '',
    // Slow only until the mark is there, so that the build is caught in the middle and its repetition is quick.
    'slipway.yaml': `install: sh -c 'test -e ${server.home}/begun || { touch ${server.home}/begun; sleep 60; }'\n`,
  });
  const state = await server.begin('/builds/connectors', { connector: id });
  await eventually(
    async () => (await server.call('GET', `/builds/${state}`)).data,
    ({ steps }) => steps.find((step: { name: string }) => step.name === 'image').status === 'running',
  );
  expect((await server.call('GET', version)).data.state).toBe('building');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await server.killAndRestart();
  expect(await server.settled(state)).toMatchObject({ status: 'done' });
  const { data } = await server.call('GET', version);
  expect(data.state).toBe('built');
  expect(data.config.vcs['latest-commit']).toMatch(/^[0-9a-f]{40}$/);
});

test('killed during a synchronization: the next start goes on with it', async () => {
  const { id, version } = await server.makeConnector('slow-sync', { 'main.mjs': '' });
  await server.settled(await server.begin('/builds/connectors', { connector: id }));
  // The step that makes the site waits for this lock, so the kill hits in the middle of it.
  const client = new pg.Client({ connectionString: server.databaseUrl });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE sites IN ACCESS EXCLUSIVE MODE');
  const state = await server.begin(`${version}/sync/dev`);
  await eventually(
    async () => (await server.call('GET', `/states/${state}/logs`)).data.length,
    (lines) => lines > 0,
  );
  await server.end('SIGKILL');
  await client.query('ROLLBACK');
  await client.end();
  await server.start();
  expect(await server.settled(state)).toMatchObject({ status: 'done' });
  const { data } = await server.call('GET', version);
  expect(data.state).toBe('synchronized-to-dev');
  expect(data.platform_dev_reference).toMatchObject({
    site: expect.any(Number),
    'platform-connector': expect.any(Number),
    'assigned-to-site': expect.any(Number),
  });
  const sites = await server.call('GET', '/platform/sites?name=slow-sync%20dev');
  expect(sites.data).toHaveLength(1);
});

test('killed during a run: the run is failed truthfully, what it wrote and logged is there, the site is free', async () => {
  const { id, version } = await server.makeConnector('slow-run', {
    'main.mjs': `
      const post = async (path, body) => {
        const response = await fetch(process.env.CONTAINER_API_URL + path, { method: 'POST', body: JSON.stringify(body) });
        if (response.status !== 201) throw new Error(String(response.status));
      };
      await post('/output/output', { data: [{ id: 1 }, { id: 2 }] });
      await post('/logs/info', { message: 'acknowledged' });
      console.log('printed');
      await new Promise((resolve) => setTimeout(resolve, 60_000));
    `,
  });
  await server.settled(await server.begin('/builds/connectors', { connector: id }));
  await server.settled(await server.begin(`${version}/sync/dev`));
  const run = (await server.call('POST', '/runs', { connector: id })).data.run.uuid;
  const messages = async () =>
    (await server.call('GET', `/runs/${run}/logs`)).data.map((line: { message: string }) => line.message);
  await eventually(messages, (lines) => lines.includes('printed'));
  await server.killAndRestart();
  const ended = await eventually(
    async () => (await server.call('GET', `/runs/${run}`)).data,
    ({ state }) => state !== 'running',
  );
  expect(ended).toMatchObject({ state: 'failed' });
  expect((await server.call('GET', `/runs/${run}/stats`)).data.failure).toEqual({
    origin: 'engine',
    reason: 'The machine that ran the connector was lost.',
  });
  expect(await messages()).toEqual(expect.arrayContaining(['acknowledged', 'printed']));
  expect((await server.call('GET', `/runs/${run}/output`)).data).toEqual([{ id: '1' }, { id: '2' }]);
  const { site } = (await server.call('GET', version)).data.platform_dev_reference;
  const free = await eventually(
    async () => (await server.call('GET', `/platform/sites/${site}`)).data,
    (value) => value['processing-status'] === 'idle',
  );
  expect(free['data-set']).toBeNull();
  // Nothing of the connector is left running on the machine.
  const left = execFileSync('sh', [
    '-c',
    `grep -l "SLIPWAY_RUN_ID=${run}" /proc/[0-9]*/environ 2>/dev/null || true`,
  ]);
  expect(left.toString()).toBe('');
});

test('whatever was answered with a success before the kill is there after it', async () => {
  const made: string[] = [];
  const creating = (async () => {
    for (;;) {
      const { data } = await server.call('POST', '/connectors', {
        'connector-type': 'export',
        'connector-name': `c${made.length}`,
      });
      made.push(data.id);
    }
  })().catch(() => {});
  await eventually(
    async () => made.length,
    (count) => count >= 20,
  );
  await server.end('SIGKILL');
  await creating;
  await server.start();
  for (const id of made) expect((await server.call('GET', `/connectors/${id}`)).data.id).toBe(id);
});

test('requests with a key may be sent again after a kill: each is done once, and no key stays in progress', async () => {
  const keys = Array.from({ length: 60 }, (_item, index) => `killed-${index}`);
  const create = async (key: string): Promise<{ status: number; id: string | undefined }> => {
    const response = await server.fetch(
      'POST',
      '/connectors',
      { 'connector-type': 'export', 'connector-name': key },
      { 'idempotency-key': key },
    );
    const body = (await response.json()) as { data?: { id: string } };
    return { status: response.status, id: body.data?.id };
  };
  const answered = new Map<string, string | undefined>();
  // A killed server answers nothing.
  const creating = keys.map((key) =>
    create(key).then(
      ({ id }) => answered.set(key, id),
      () => {},
    ),
  );
  await eventually(
    async () => answered.size,
    (size) => size > 0,
  );
  await server.end('SIGKILL');
  await Promise.all(creating);
  await server.start();
  for (const key of keys) {
    const { status, id } = await create(key);
    expect(status).toBe(201);
    if (answered.has(key)) expect(id).toBe(answered.get(key));
  }
  const { metadata } = await server.call('GET', '/connectors?name=killed-&limit=1');
  expect(metadata.total).toBe(keys.length);
});
