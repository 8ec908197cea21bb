import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase } from './support/database.ts';

/**
 * The whole server as a process of its own, killed with -9 in the middle of its work. After the next start every version,
 * build and run is in a true state, and whatever was acknowledged is there.
 */

const token = 'a-token-for-tests-with-more-than-32-characters';
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'slipway-kill-'));
const repositories = join(home, 'repositories');

let databaseUrl: string;
let server: { process: ChildProcess; url: string };

beforeAll(async () => {
  databaseUrl = (await createTestDatabase()).url;
  server = await start();
});

afterAll(async () => {
  await end('SIGTERM');
  rmSync(home, { recursive: true, force: true });
});

async function start(): Promise<typeof server> {
  const child = spawn(process.execPath, [main], {
    env: {
      PATH: process.env.PATH,
      SLIPWAY_DATABASE_URL: databaseUrl,
      SLIPWAY_HOME: home,
      SLIPWAY_PORT: '0',
      SLIPWAY_DEMO: 'false',
      SLIPWAY_ADMIN_TOKEN: token,
      SLIPWAY_ALLOW_LOCAL_REPOSITORIES: 'true',
      SLIPWAY_LOCAL_REPOSITORIES_ROOT: repositories,
      SLIPWAY_ENGINE: 'process',
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let printed = '';
  for await (const chunk of child.stdout) {
    printed += chunk;
    const url = /ready at (\S+)/.exec(printed)?.[1];
    if (url) {
      child.stdout.resume();
      return { process: child, url };
    }
  }
  throw new Error(`The server did not start: ${printed}`);
}

const end = (signal: NodeJS.Signals): Promise<void> =>
  new Promise((resolve) => {
    server.process.once('exit', () => resolve());
    server.process.kill(signal);
  });

async function killAndRestart(): Promise<void> {
  await end('SIGKILL');
  server = await start();
}

// biome-ignore lint/suspicious/noExplicitAny: answers of several operations
async function call(method: string, path: string, body?: unknown): Promise<any> {
  const response = await fetch(server.url + path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** Asks until `done` holds; a second of patience is plenty for what should be a matter of milliseconds. */
async function until<T>(ask: () => Promise<T>, done: (value: T) => boolean): Promise<T> {
  for (let tries = 0; tries < 400; tries += 1) {
    const value = await ask();
    if (done(value)) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error('It did not come about within 20 seconds.');
}

const settled = (state: string) =>
  until(
    async () => (await call('GET', `/states/${state}`)).data,
    ({ status }) => status !== 'pending',
  );

/** A connector whose repository has the given files, configured and with a dev account. */
async function makeConnector(
  name: string,
  files: Record<string, string>,
): Promise<{ id: string; version: string }> {
  const folder = join(repositories, name);
  mkdirSync(folder, { recursive: true });
  for (const [path, text] of Object.entries({ Dockerfile: 'FROM node:24-slim\nCMD ["node"]\n', ...files })) {
    writeFileSync(join(folder, path), text);
  }
  const git = (...args: string[]) =>
    execFileSync('git', ['-c', 'user.name=T', '-c', 'user.email=t@example.com', ...args], { cwd: folder });
  git('init', '--quiet', '--initial-branch', 'main');
  git('add', '--all');
  git('commit', '--quiet', '--message', 'One');
  const account = (await call('POST', '/platform/accounts', { name })).data.id;
  const { id } = (
    await call('POST', '/connectors', { 'connector-type': 'datasource', 'connector-name': name })
  ).data;
  const version = `/connectors/${id}/versions/1`;
  await call('PUT', `${version}/vcs-configs`, { authorization: 'public', url: folder });
  await call('PUT', `${version}/application-configs`, { command: 'node', arguments: 'main.mjs' });
  await call('PUT', `${version}/platform-dev-reference`, { account });
  return { id, version };
}

const begin = async (path: string, body?: unknown): Promise<string> =>
  (await call('POST', path, body)).data.state.uuid;

test('killed during a build: the next start finishes it', async () => {
  const { id, version } = await makeConnector('slow-build', {
    'main.mjs': '',
    // Slow only until the mark is there, so that the build is caught in the middle and its repetition is quick.
    'slipway.yaml': `install: sh -c 'test -e ${home}/begun || { touch ${home}/begun; sleep 60; }'\n`,
  });
  const state = await begin('/builds/connectors', { connector: id });
  await until(
    async () => (await call('GET', `/builds/${state}`)).data,
    ({ steps }) => steps.find((step: { name: string }) => step.name === 'image').status === 'running',
  );
  expect((await call('GET', version)).data.state).toBe('building');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await killAndRestart();
  expect(await settled(state)).toMatchObject({ status: 'done' });
  const { data } = await call('GET', version);
  expect(data.state).toBe('built');
  expect(data.config.vcs['latest-commit']).toMatch(/^[0-9a-f]{40}$/);
});

test('killed during a synchronization: the next start goes on with it', async () => {
  const { id, version } = await makeConnector('slow-sync', { 'main.mjs': '' });
  await settled(await begin('/builds/connectors', { connector: id }));
  // The step that makes the site waits for this lock, so the kill hits in the middle of it.
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('BEGIN; LOCK TABLE sites IN ACCESS EXCLUSIVE MODE');
  const state = await begin(`${version}/sync/dev`);
  await until(
    async () => (await call('GET', `/states/${state}/logs`)).data.length,
    (lines) => lines > 0,
  );
  await end('SIGKILL');
  await client.query('ROLLBACK');
  await client.end();
  server = await start();
  expect(await settled(state)).toMatchObject({ status: 'done' });
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
  const { id, version } = await makeConnector('slow-run', {
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
  await settled(await begin('/builds/connectors', { connector: id }));
  await settled(await begin(`${version}/sync/dev`));
  const run = (await call('POST', '/runs', { connector: id })).data.run.uuid;
  const messages = async () =>
    (await call('GET', `/runs/${run}/logs`)).data.map((line: { message: string }) => line.message);
  await until(messages, (lines) => lines.includes('printed'));
  await killAndRestart();
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
  const notes = join(home, 'acknowledged');
  const { id, version } = await makeConnector('writing-run', {
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
  await settled(await begin('/builds/connectors', { connector: id }));
  await settled(await begin(`${version}/sync/dev`));
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
    await killAndRestart();
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
  await end('SIGKILL');
  await creating;
  server = await start();
  for (const id of made) expect((await call('GET', `/connectors/${id}`)).data.id).toBe(id);
});

test('requests with a key may be sent again after a kill: each is done once, and no key stays in progress', async () => {
  const keys = Array.from({ length: 60 }, (_item, index) => `killed-${index}`);
  const create = async (key: string): Promise<{ status: number; id: string | undefined }> => {
    const response = await fetch(`${server.url}/connectors`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        'idempotency-key': key,
      },
      body: JSON.stringify({ 'connector-type': 'export', 'connector-name': key }),
    });
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
  await until(
    async () => answered.size,
    (size) => size > 0,
  );
  await end('SIGKILL');
  await Promise.all(creating);
  server = await start();
  for (const key of keys) {
    const { status, id } = await create(key);
    expect(status).toBe(201);
    if (answered.has(key)) expect(id).toBe(answered.get(key));
  }
  const { metadata } = await call('GET', '/connectors?name=killed-&limit=1');
  expect(metadata.total).toBe(keys.length);
});
