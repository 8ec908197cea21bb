import { beforeAll, expect, test } from 'vitest';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
  endOfRun,
  grant,
  localRepositories,
} from '../../test/support/deployed.ts';
import { testFields, testScript } from '../../test/support/script.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { eventually } from '../../test/support/wait.ts';

let server: TestServer;
let user: TestUser;
let digest: string;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  digest = await buildScript(server, testScript);
});

const get = async (path: string) => (await server.request('GET', path, { token: user.token })).body;
const post = (path: string, body?: unknown) => server.request('POST', path, { token: user.token, body });

interface Source extends DeployedConnector {
  source: number;
  /** Changes the form, or more of the source. */
  set(values: Record<string, string>, more?: Record<string, unknown>): Promise<void>;
  start(action?: string): Promise<string>;
  process(): ReturnType<typeof endOfProcess>;
}

async function makeSource(
  values: Record<string, string> = {},
  more: Record<string, unknown> = {},
): Promise<Source> {
  const connector = await deploy(server, user, digest, { name: 'Shop', fields: testFields });
  const { id, site } = connector;
  const start = async (action = 'import'): Promise<string> => {
    const answer = await post(`/platform/sites/${site}/processes`, { action });
    expect(answer.status, answer.text).toBe(202);
    return answer.body.data.process_id;
  };
  const made: Source = {
    ...connector,
    source: connector.source as number,
    async set(next, other = {}) {
      const answer = await server.request('PUT', `/platform/sites/${site}/data-sources/${connector.source}`, {
        token: user.token,
        body: { name: 'Shop', kind: 'connector', connector: { id, version: 1, values: next }, ...other },
      });
      expect(answer.status, answer.text).toBe(200);
    },
    start,
    process: async () => endOfProcess(server, user, site, await start()),
  };
  await made.set(values, more);
  return made;
}

const sourceStep = (process: { steps: { kind: string }[] }) =>
  process.steps.find((step) => step.kind === 'source');

test('a connector that fails ends the process before the take-over; everything stays as it was', async () => {
  const source = await makeSource({ rows: '4' }, { 'on-failure': 'fail' });
  await source.process();
  const before = await get(`/platform/sites/${source.site}`);
  await source.set({ mode: 'fail', rows: '9' }, { 'on-failure': 'fail' });
  const failed = await source.process();
  expect(failed).toMatchObject({
    status: 'failed',
    reason: 'Data source Shop failed: The connector exited with code 3.',
    'taken-over': false,
  });
  expect(failed.steps.map((step: { status: string }) => step.status)).toEqual([
    'failed',
    'skipped',
    'skipped',
  ]);
  const after = await get(`/platform/sites/${source.site}`);
  expect(after.data['data-set']).toBe(before.data['data-set']);
  expect(after.data.rows).toEqual({ import: 4, intermediate: 4 });
  const run = failed.steps[0]?.run;
  expect((await get(`/runs/${run}`)).data).toMatchObject({ state: 'failed', 'exit-code': 3 });
  expect((await get(`/runs/${run}/stats`)).data.failure).toEqual({
    origin: 'connector',
    reason: 'The connector exited with code 3.',
  });
  expect((await get(`/runs/${run}/output`)).metadata.total).toBe(9);
});

test('keep goes on with the last good rows, and the process is failed all the same', async () => {
  const source = await makeSource({ rows: '4' });
  await source.process();
  await source.set({ mode: 'fail', rows: '9' });
  const kept = await source.process();
  expect(kept).toMatchObject({ status: 'failed', 'taken-over': true });
  expect(sourceStep(kept)).toMatchObject({
    status: 'kept',
    'rows-out': 4,
    error: 'The connector exited with code 3.',
  });
  expect((await get(`/platform/sites/${source.site}`)).data.rows.import).toBe(4);
});

test('keep without earlier rows counts as fail', async () => {
  const source = await makeSource({ mode: 'fail' });
  expect(await source.process()).toMatchObject({ status: 'failed', 'taken-over': false });
});

test('a paused source is not run and contributes its last good rows', async () => {
  const source = await makeSource({ rows: '4' });
  await source.process();
  await source.set({ rows: '9' }, { status: 'paused' });
  const done = await source.process();
  expect(done).toMatchObject({ status: 'success', 'taken-over': true });
  expect(sourceStep(done)).toMatchObject({ status: 'kept', run: null, 'rows-out': 4 });
  expect((await get(`/platform/sites/${source.site}`)).data.rows.import).toBe(4);
});

test('a source that delivers no rows empties the site', async () => {
  const source = await makeSource({ rows: '4' });
  await source.process();
  await source.set({ mode: 'none' });
  expect(await source.process()).toMatchObject({ status: 'success', 'taken-over': true });
  expect((await get(`/platform/sites/${source.site}`)).data.rows.import).toBe(0);
});

test('the shrink guard stops an import that lost too many rows', async () => {
  const source = await makeSource({ rows: '10' });
  await source.process();
  const admin = await server.makeUser({ role: 'admin' });
  await server.request('PATCH', `/platform/sites/${source.site}`, {
    token: admin.token,
    body: { 'shrink-guard': 50 },
  });
  await source.set({ rows: '5' });
  expect(await source.process()).toMatchObject({ status: 'success' });
  await source.set({ rows: '2' });
  expect(await source.process()).toMatchObject({
    status: 'failed',
    reason: 'Merge left 2 rows, more than 50 % fewer than the present 5.',
    'taken-over': false,
  });
});

test('the last three data sets are kept', async () => {
  const source = await makeSource();
  const made: number[] = [];
  for (let count = 1; count <= 4; count++) {
    await source.process();
    made.push((await get(`/platform/sites/${source.site}`)).data['data-set']);
  }
  const { data } = await get(`/platform/sites/${source.site}/data-sets`);
  expect(data.map((set: { id: number }) => set.id)).toEqual(made.toReversed().slice(0, 3));
  expect(data.map((set: { current: boolean }) => set.current)).toEqual([true, false, false]);
});

test('one process runs, one waits, a third is refused', async () => {
  const source = await makeSource({ mode: 'sleep' });
  const first = await source.start();
  await eventually(
    async () => (await get(`/platform/sites/${source.site}/processes/${first}`)).data.status,
    (status) => status === 'running',
  );
  const second = await source.start('all');
  expect((await get(`/platform/sites/${source.site}`)).data['processing-status']).toBe('running');
  for (const answer of [
    await post(`/platform/sites/${source.site}/processes`, { action: 'import' }),
    await post('/runs', { connector: source.id }),
  ]) {
    expect(answer.status).toBe(409);
    expect(answer.text).toBe('{"message":"A process is already queued for this site."}');
  }
  const queued = await get(`/platform/sites/${source.site}/processes?status=queued`);
  expect(queued.data.map((process: { id: string }) => process.id)).toEqual([second]);
  const cancelled = await post(`/platform/sites/${source.site}/processes/${second}/cancel`);
  expect(cancelled.status).toBe(202);
  expect(cancelled.text).toBe('{"message":"Process will be cancelled."}');
  expect((await get(`/platform/sites/${source.site}/processes/${second}`)).data).toMatchObject({
    status: 'failed',
    reason: 'cancelled',
  });
  await post(`/platform/sites/${source.site}/processes/${first}/cancel`);
  const ended = await endOfProcess(server, user, source.site, first);
  expect(ended).toMatchObject({ status: 'failed', reason: 'cancelled', 'taken-over': false });
  expect((await get(`/runs/${ended.steps[0]?.run}`)).data.state).toBe('cancelled');
  const again = await post(`/platform/sites/${source.site}/processes/${first}/cancel`);
  expect(again.status).toBe(400);
  expect(again.text).toBe('{"message":"The action can no longer be cancelled.","errors":[]}');
});

test('the process that waits begins when the one before has ended', async () => {
  const source = await makeSource({ mode: 'sleep' });
  const first = await source.start();
  await eventually(
    async () => (await get(`/platform/sites/${source.site}/processes/${first}`)).data.status,
    (status) => status === 'running',
  );
  await source.set({ rows: '2' });
  const second = await source.start();
  await post(`/platform/sites/${source.site}/processes/${first}/cancel`);
  // Its configuration is frozen when it begins, so it does not sleep.
  expect(await endOfProcess(server, user, source.site, second)).toMatchObject({ status: 'success' });
});

test('a run can be cancelled while it works and while it waits', async () => {
  const source = await makeSource({ mode: 'sleep' });
  const started = async (): Promise<string> =>
    (await post('/runs', { connector: source.id })).body.data.run.uuid;
  const first = await started();
  await eventually(
    async () => (await get(`/runs/${first}/logs`)).data.length,
    (lines) => lines > 0,
  );
  const second = await started();
  expect((await post(`/runs/${second}/cancel`)).text).toBe('{"message":"Run will be cancelled."}');
  const dropped = await get(`/runs/${second}`);
  expect(dropped.data).toMatchObject({ state: 'cancelled', 'started-at': null });
  expect(
    (await get(`/platform/sites/${source.site}/processes/${dropped.data['process-id']}`)).data,
  ).toMatchObject({
    status: 'failed',
    reason: 'cancelled',
  });
  expect((await post(`/runs/${first}/cancel`)).status).toBe(202);
  await endOfRun(server, user, first);
  expect((await get(`/runs/${first}/stats`)).data.failure).toEqual({
    origin: 'cancelled',
    reason: 'The run was cancelled.',
  });
  const again = await post(`/runs/${first}/cancel`);
  expect(again.status).toBe(400);
  expect(again.text).toBe('{"message":"Run is already cancelled.","errors":[]}');
});

test('every refusal of a process has its text', async () => {
  const { site } = await makeSource();
  const path = `/platform/sites/${site}/processes`;
  const cases: [unknown, unknown][] = [
    [{ action: 'run' }, { action: 'The value you selected is not a valid choice.' }],
    [{}, { action: 'The value you selected is not a valid choice.' }],
    [{ action: 'export' }, { id: 'This value should not be blank.' }],
    [{ action: 'channel' }, { id: 'This value should not be blank.' }],
    [{ action: 'export', id: 1 }, { id: 'Export not found.' }],
    [{ action: 'channel', id: 1 }, { id: 'Channel not found.' }],
  ];
  for (const [body, errors] of cases) {
    const answer = await post(path, body);
    expect(answer.status).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  }
  const unknown = await server.request('GET', `${path}/019e16f3-bfc3-7993-bd03-ad2089ed3b04`, {
    token: user.token,
  });
  expect([unknown.status, unknown.body]).toEqual([404, { message: 'Process not found.' }]);
  const nobody = await post(`${path}/019e16f3-bfc3-7993-bd03-ad2089ed3b04/cancel`);
  expect([nobody.status, nobody.body]).toEqual([404, { message: 'Process not found.' }]);
  await server.request('PATCH', `/platform/sites/${site}`, { token: user.token, body: { status: 'paused' } });
  const paused = await post(path, { action: 'import' });
  expect([paused.status, paused.text]).toEqual([400, '{"message":"Site is paused.","errors":[]}']);
});

test('several main sources append in their order', async () => {
  const source = await makeSource({ rows: '2' });
  const other = await deploy(server, user, digest, { name: 'Second', fields: testFields });
  const { db, platform } = server.server.services;
  await db
    .updateTable('connector_versions')
    .set({ dev_site: source.site })
    .where('id', '=', other.versionId)
    .execute();
  await db.transaction().execute(async (work) => {
    const version = {
      versionId: other.versionId,
      connectorId: other.id,
      major: 1,
      type: 'datasource',
      name: 'Shop',
    };
    const actor = {
      kind: 'system' as const,
      id: user.id,
      name: null,
      role: 'admin' as const,
      scopes: new Set<never>(),
      organizations: [],
    };
    const context = { actor, db: work, services: server.server.services, requestId: null, ip: null };
    await platform.assign(context, version, source.site);
  });
  const names = (await get(`/platform/sites/${source.site}/data-sources`)).data.map(
    (row: { name: string }) => row.name,
  );
  expect(names).toEqual(['Shop', 'Shop 2']);
  const done = await source.process();
  expect(done).toMatchObject({ status: 'success' });
  expect((await get(`/platform/sites/${source.site}`)).data.rows.import).toBe(5);
});

test('a reader sees a process and may not start one', async () => {
  const source = await makeSource();
  const reader = await server.makeUser({ role: 'viewer' });
  await grant(server, reader, 'site', source.site, 'read');
  const list = await server.request('GET', `/platform/sites/${source.site}/processes`, {
    token: reader.token,
  });
  expect(list.status).toBe(200);
  const start = await server.request('POST', `/platform/sites/${source.site}/processes`, {
    token: reader.token,
    body: { action: 'import' },
  });
  expect([start.status, start.body]).toEqual([403, { message: 'Access denied for user.' }]);
});
