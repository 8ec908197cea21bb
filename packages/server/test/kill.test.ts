import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ServerProcess, until } from './support/server-process.ts';

/**
 * The whole server as a process of its own, killed with -9 in the middle of its work. After the next start every version,
 * build and run is in a true state, and whatever was acknowledged is there.
 */

let server: ServerProcess;

beforeAll(async () => {
  server = await ServerProcess.start({ SLIPWAY_ENGINE: 'process' });
});

afterAll(() => server.stop());

// biome-ignore lint/suspicious/noExplicitAny: answers of several operations
const call = (method: string, path: string, body?: unknown): Promise<any> => server.call(method, path, body);

test('killed during a build: the next start finishes it', async () => {
  const { id, version } = await server.makeConnector('slow-build', {
    // Slow only until the mark is there, so that the build is caught in the middle and its repetition is quick.
    'slipway.yaml': `install: sh -c 'test -e ${server.home}/begun || { touch ${server.home}/begun; sleep 60; }'\n`,
  });
  const state = await server.begin('/builds/connectors', { connector: id });
  await until(
    async () => (await call('GET', `/builds/${state}`)).data,
    ({ steps }) => steps.find((step: { name: string }) => step.name === 'image').status === 'running',
  );
  expect((await call('GET', version)).data.state).toBe('building');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await server.killAndRestart();
  expect(await server.settled(state)).toMatchObject({ status: 'done' });
  const { data } = await call('GET', version);
  expect(data.state).toBe('built');
  expect(data.config.vcs['latest-commit']).toMatch(/^[0-9a-f]{40}$/);
});

test('killed during a synchronization: the next start goes on with it', async () => {
  const { id, version } = await server.makeConnector('slow-sync', {});
  await server.settled(await server.begin('/builds/connectors', { connector: id }));
  // The step that makes the site waits for this lock, so the kill hits in the middle of it.
  const client = new pg.Client({ connectionString: server.databaseUrl });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE sites IN ACCESS EXCLUSIVE MODE');
  const state = await server.begin(`${version}/sync/dev`);
  await until(
    async () => (await call('GET', `/states/${state}/logs`)).data.length,
    (lines) => lines > 0,
  );
  await server.end('SIGKILL');
  await client.query('ROLLBACK');
  await client.end();
  await server.start();
  expect(await server.settled(state)).toMatchObject({ status: 'done' });
  const { data } = await call('GET', version);
  expect(data.state).toBe('synchronized-to-dev');
  expect(data.platform_dev_reference).toMatchObject({
    site: expect.any(Number),
    'platform-connector': expect.any(Number),
    'assigned-to-site': expect.any(Number),
  });
  const sites = await call('GET', '/platform/sites?name=slow-sync%20dev');
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
  const run = (await call('POST', '/runs', { connector: id })).data.run.uuid;
  const messages = async () =>
    (await call('GET', `/runs/${run}/logs`)).data.map((line: { message: string }) => line.message);
  await until(messages, (lines) => lines.includes('printed'));
  await server.killAndRestart();
  const ended = await until(
    async () => (await call('GET', `/runs/${run}`)).data,
    ({ state }) => state !== 'running',
  );
  expect(ended).toMatchObject({ state: 'failed' });
  expect((await call('GET', `/runs/${run}/stats`)).data.failure).toEqual({
    origin: 'engine',
    reason: 'The machine that ran the connector was lost.',
  });
  expect(await messages()).toEqual(expect.arrayContaining(['acknowledged', 'printed']));
  expect((await call('GET', `/runs/${run}/output`)).data).toEqual([{ id: '1' }, { id: '2' }]);
  const { site } = (await call('GET', version)).data.platform_dev_reference;
  const free = await until(
    async () => (await call('GET', `/platform/sites/${site}`)).data,
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

test('killed at random moments of a writing run: what was acknowledged is there once, rows and messages alike', {
  timeout: 240_000,
}, async () => {
  const notes = join(server.home, 'acknowledged');
  const { id, version } = await server.makeConnector('writing-run', {
    'main.mjs': `
      import { appendFileSync } from 'node:fs';
      const post = async (path, body) => {
        const response = await fetch(process.env.CONTAINER_API_URL + path, { method: 'POST', body: JSON.stringify(body) });
        if (response.status !== 201) throw new Error(String(response.status));
      };
      for (let call = 0; ; call++) {
        await post('/output/output', { data: [{ call, row: 0 }, { call, row: 1 }] });
        await post('/notifications/info', { message: 'call ' + call });
        await post('/event-log', { events: [{ code: 'INFO_CALL', message: 'call ' + call }] });
        appendFileSync(${JSON.stringify(notes)}, process.env.SLIPWAY_RUN_ID + ' ' + call + '\\n');
      }
    `,
  });
  await server.settled(await server.begin('/builds/connectors', { connector: id }));
  await server.settled(await server.begin(`${version}/sync/dev`));
  const { site } = (await call('GET', version)).data.platform_dev_reference;
  const acknowledged = (run: string): number =>
    readFileSync(notes, { encoding: 'utf8', flag: 'a+' })
      .split('\n')
      .filter((line) => line.startsWith(run)).length;
  for (let moment = 0; moment < 5; moment++) {
    const { run, 'process-id': process } = (await call('POST', '/runs', { connector: id })).data;
    await until(
      async () => acknowledged(run.uuid),
      (count) => count > 0,
    );
    await new Promise((resolve) => setTimeout(resolve, Math.random() * 700));
    await server.killAndRestart();
    await until(
      async () => (await call('GET', `/runs/${run.uuid}`)).data,
      ({ state }) => state === 'failed',
    );
    const calls = acknowledged(run.uuid);
    const rows = (await call('GET', `/runs/${run.uuid}/output?limit=1000`)).data as { call: string }[];
    const expected = Array.from({ length: Math.min(rows.length, 1000) }, (_, index) => ({
      call: String(Math.floor(index / 2)),
      row: String(index % 2),
    }));
    expect(rows).toEqual(expected);
    const { metadata } = await call('GET', `/runs/${run.uuid}/output?limit=1`);
    // The call that was on its way may be there too, as a whole.
    expect([2 * calls, 2 * calls + 2]).toContain(metadata.total);
    const path = `/platform/sites/${site}/notifications?process-id=${process}&limit=1000`;
    const told = (await call('GET', path)).data.map(({ message }: { message: string }) => message).reverse();
    expect(told.length).toBeGreaterThanOrEqual(Math.min(calls, 1000));
    if (calls < 999) expect(told).toEqual(told.map((_message: string, index: number) => `call ${index}`));
    const [error] = (await call('GET', `/platform/sites/${site}/errors?process-id=${process}`)).data;
    expect([calls, calls + 1]).toContain(error.count);
    await until(
      async () => (await call('GET', `/platform/sites/${site}`)).data,
      (value) => value['processing-status'] === 'idle',
    );
  }
});

test('whatever was answered with a success before the kill is there after it', async () => {
  const made: string[] = [];
  const creating = (async () => {
    for (;;) {
      const { data } = await call('POST', '/connectors', {
        'connector-type': 'export',
        'connector-name': `c${made.length}`,
      });
      made.push(data.id);
    }
  })().catch(() => {});
  await until(
    async () => made.length,
    (count) => count >= 20,
  );
  await server.end('SIGKILL');
  await creating;
  await server.start();
  for (const id of made) expect((await call('GET', `/connectors/${id}`)).data.id).toBe(id);
});

test('requests with a key may be sent again after a kill: each is done once, and no key stays in progress', async () => {
  const keys = Array.from({ length: 60 }, (_item, index) => `killed-${index}`);
  const create = async (key: string): Promise<{ status: number; id: string | undefined }> => {
    const body = { 'connector-type': 'export', 'connector-name': key };
    const response = await server.fetch('POST', '/connectors', body, { 'idempotency-key': key });
    const answer = (await response.json()) as { data?: { id: string } };
    return { status: response.status, id: answer.data?.id };
  };
  const answered = new Map<string, string | undefined>();
  // A killed server answers nothing.
  const creating = keys.map((key) =>
    create(key).then(
      ({ id }) => answered.set(key, id),
      () => {},
    ),
  );
  await until(
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
  const { metadata } = await call('GET', '/connectors?name=killed-&limit=1');
  expect(metadata.total).toBe(keys.length);
});
