import { randomUUID } from 'node:crypto';
import { beforeAll, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
  endOfRun,
  grant,
  localRepositories,
  makeAccountWithSite,
} from '../../test/support/deployed.ts';
import { testFields, testScript } from '../../test/support/script.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let user: TestUser;
let digest: string;
let source: DeployedConnector;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  digest = await buildScript(server, testScript);
  source = await deploy(server, user, digest, { fields: testFields });
});

const get = (path: string, as = user) => server.request('GET', path, { token: as.token });
const create = (body: unknown, as = user) => server.request('POST', '/runs', { token: as.token, body });

async function finished(body: Record<string, unknown>): Promise<string> {
  const answer = await create(body);
  expect(answer.status, answer.text).toBe(202);
  const id = answer.body.data.run.uuid;
  await endOfRun(server, user, id);
  const run = (await get(`/runs/${id}`)).body.data;
  await endOfProcess(server, user, run['site-id'], run['process-id']);
  return id;
}

test.each([
  [{}, { connector: 'This is not a valid UUID.' }],
  [{ connector: null }, { connector: 'This is not a valid UUID.' }],
  [{ connector: '' }, { connector: 'This is not a valid UUID.' }],
  [{ connector: 'SOURCE', version: 'newest' }, { version: 'This value is not valid.' }],
  [{ connector: 'SOURCE', version: 1.5 }, { version: 'This value is not valid.' }],
  [{ connector: 'SOURCE', site: 99_999_999_999 }, { site: 'Site not found.' }],
  [{ connector: 'SOURCE', site: 'x' }, { site: 'This value does not have valid integer.' }],
  [{ connector: 'SOURCE', input: {} }, { input: 'This value is not valid.' }],
  [{ connector: 'SOURCE', input: [] }, { input: 'This value is not valid.' }],
  [{ connector: 'SOURCE', input: { rows: {}, run: randomUUID() } }, { input: 'This value is not valid.' }],
  [
    { connector: 'SOURCE', input: { rows: { input: {} } } },
    { 'input.rows.input': 'This value does not have valid array.' },
  ],
  [{ connector: 'SOURCE', input: { rows: { input: [1] } } }, { input: 'This value is not valid.' }],
  [{ connector: 'SOURCE', input: { rows: { input: [{}] } } }, { input: 'This value is not valid.' }],
  [{ connector: 'SOURCE', input: { run: 'x' } }, { input: 'This value is not valid.' }],
  [
    { connector: 'SOURCE', input: { run: randomUUID() } },
    { 'input.run': 'The input of this run is no longer stored.' },
  ],
  [{ connector: 'SOURCE', values: { nope: 'x' } }, { 'values.nope': 'This field was not expected.' }],
])('a run with %j is refused', async (body, errors) => {
  const own = 'connector' in body && body.connector === 'SOURCE' ? { connector: source.id } : {};
  const answer = await create({ ...body, ...own });
  expect([answer.status, answer.body]).toEqual([400, { message: 'Bad request.', errors }]);
});

test('a run needs a connector one may change, its version, and a synchronization', async () => {
  const missing = await create({ connector: randomUUID() });
  expect([missing.status, missing.body]).toEqual([404, { message: 'Connector not found.' }]);
  const stranger = await create({ connector: source.id }, await server.makeUser());
  expect([stranger.status, stranger.body]).toEqual([404, { message: 'Connector not found.' }]);
  const viewer = await create({ connector: source.id }, await server.makeUser({ role: 'viewer' }));
  expect([viewer.status, viewer.body]).toEqual([403, { message: 'Access denied for user.' }]);
  const version = await create({ connector: source.id, version: 7 });
  expect([version.status, version.body]).toEqual([404, { message: 'Connector version not found.' }]);
  const fresh = await makeConnector(server, user);
  expect((await create({ connector: fresh.id })).body.errors).toEqual({
    connector: 'Connector must be synchronized to dev.',
  });
  const homeless = await deploy(server, user, digest);
  await server.server.services.db
    .updateTable('connector_versions')
    .set({ dev_site: null })
    .where('id', '=', homeless.versionId)
    .execute();
  expect((await create({ connector: homeless.id })).body.errors).toEqual({
    connector: 'Connector must have dev site assigned.',
  });
});

test('a site that the caller may not write to is not found', async () => {
  const { site } = await makeAccountWithSite(server);
  const request = () => create({ connector: source.id, site });
  expect((await request()).body.errors).toEqual({ site: 'Site not found.' });
  await grant(server, user, 'site', site, 'read');
  expect((await request()).body.errors).toEqual({ site: 'Site not found.' });
});

test('values of a run lie over the stored ones, for this run only', async () => {
  const run = await finished({
    connector: source.id,
    version: '1',
    values: { rows: '1', token: 'verborgen' },
  });
  const shown = (await get(`/runs/${run}`)).body.data;
  expect(shown['connector-setup-config']).toEqual({ mode: 'rows', rows: '1', first: '1', token: '***' });
  expect((await get(`/runs/${run}/logs`)).text).not.toContain('verborgen');
  const dump = await server.server.services.db.selectFrom('runs').selectAll().where('id', '=', run).execute();
  expect(JSON.stringify(dump)).not.toContain('verborgen');
});

test('given rows are read by the connector, flattened', async () => {
  const exporter = await deploy(server, user, digest, {
    type: 'export',
    fields: [{ option: 'mode', default: 'echo' }],
  });
  const rows = [
    { id: 1, size: { width: 2.5 } },
    { id: 2, ok: true, title: ' x ' },
  ];
  const run = await finished({ connector: exporter.id, input: { rows: { full: rows } } });
  expect((await get(`/runs/${run}/feedback`)).body.data).toEqual([
    { id: '1', 'size-width': '2.5', ok: '', title: '', seen: 'yes' },
    { id: '2', 'size-width': '', ok: 'true', title: ' x ', seen: 'yes' },
  ]);
  expect((await get(`/runs/${run}/stats`)).body.data).toMatchObject({
    'rows-read': { input: 2 },
    'rows-written': { output: 0, feedback: 2 },
    'input-available': true,
  });
  const again = await finished({ connector: exporter.id, input: { run } });
  expect((await get(`/runs/${again}/feedback`)).body.metadata.total).toBe(2);
});

test('without given rows a connector reads those of the site', async () => {
  const exporter = await deploy(server, user, digest, {
    type: 'export',
    fields: [{ option: 'mode', default: 'echo' }],
  });
  const empty = await finished({ connector: exporter.id });
  expect((await get(`/runs/${empty}/feedback`)).body.metadata.total).toBe(0);
  const started = await server.request('POST', `/platform/sites/${exporter.site}/processes`, {
    token: user.token,
    body: { action: 'import' },
  });
  await endOfProcess(server, user, exporter.site, started.body.data.process_id);
  const run = await finished({ connector: exporter.id });
  const feedback = await get(`/runs/${run}/feedback?limit=1`);
  expect(feedback.body.metadata.total).toBe(20);
  expect(feedback.body.data[0]).toMatchObject({ id: '1', title: 'Ceramic Cup', seen: 'yes' });
});

test('runs are listed by every filter', async () => {
  const own = await deploy(server, user, digest, { fields: testFields });
  const first = await finished({ connector: own.id });
  const second = await finished({ connector: own.id, values: { mode: 'fail' } });
  const process = (await get(`/runs/${first}`)).body.data['process-id'];
  const ids = async (query: Record<string, string>) =>
    (await get(`/runs?${new URLSearchParams(query)}`)).body.data.map((run: { id: string }) => run.id);
  expect(await ids({ 'connector-id': own.id })).toEqual([second, first]);
  expect(await ids({ 'connector-id': own.id, state: 'failed' })).toEqual([second]);
  expect(await ids({ id: first })).toEqual([first]);
  expect(await ids({ 'process-id': process })).toEqual([first]);
  expect(await ids({ 'site-id': String(own.site) })).toEqual([second, first]);
  expect(await ids({ 'site-id': String(own.site), 'connector-version': '1' })).toEqual([second, first]);
  expect(await ids({ 'site-id': String(own.site), 'connector-version': '1.0.0' })).toEqual([second, first]);
  expect(await ids({ 'site-id': String(own.site), 'connector-version': '1.0.1' })).toEqual([]);
  const stats = await get(`/runs/stats?connector-id=${own.id}&limit=1`);
  expect(stats.body.data.map((item: { run: string }) => item.run)).toEqual([second]);
  expect(stats.body.metadata.next).toContain(`/runs/stats?limit=1&connector-id=${own.id}&after=`);
  const stranger = await server.makeUser();
  expect((await get(`/runs?id=${first}`, stranger)).body.data).toEqual([]);
  expect((await get(`/runs?id=${first}`, await server.makeUser({ role: 'admin' }))).body.data.length).toBe(1);
});

test.each([
  ['id', 'x', 'This is not a valid UUID.'],
  ['connector-id', 'not-a-uuid', 'This is not a valid UUID.'],
  ['process-id', 'x', 'This is not a valid UUID.'],
  ['connector-version', '1.0', 'This value is not valid.'],
  ['site-id', 'x', 'This value does not have valid integer.'],
  ['state', 'done', 'The value you selected is not a valid choice.'],
])('the query %s=%s is refused', async (name, value, text) => {
  for (const path of ['/runs', '/runs/stats']) {
    const answer = await get(`${path}?${name}=${value}`);
    expect([answer.status, answer.body]).toEqual([
      400,
      { message: 'Bad request.', errors: { [name]: text } },
    ]);
  }
});

test('a run of a foreign connector is forbidden, an unknown one not found', async () => {
  const run = await finished({ connector: source.id });
  const stranger = await server.makeUser();
  for (const part of ['', '/logs', '/output', '/feedback', '/stats']) {
    const foreign = await get(`/runs/${run}${part}`, stranger);
    expect([part, foreign.status, foreign.body]).toEqual([part, 403, { message: 'Access denied for user.' }]);
    const unknown = await get(`/runs/${randomUUID()}${part}`);
    expect([part, unknown.status, unknown.body]).toEqual([part, 404, { message: 'Run not found.' }]);
  }
});

test('rows need the right to read the site of the run', async () => {
  const own = await deploy(server, user, digest, { fields: testFields });
  const run = await finished({ connector: own.id });
  // The connector leaves the site: its owner still sees the run, and no rows.
  await server.server.services.db
    .updateTable('connector_versions')
    .set({ dev_site: null })
    .where('id', '=', own.versionId)
    .execute();
  expect((await get(`/runs/${run}`)).status).toBe(200);
  expect((await get(`/runs/${run}/output`)).status).toBe(403);
  await grant(server, user, 'site', own.site, 'read');
  expect((await get(`/runs/${run}/output`)).status).toBe(200);
});

test('rows stream as lines of JSON; logs by level and source', async () => {
  const run = await finished({ connector: source.id, values: { rows: '1500' } });
  const lines = await server.request('GET', `/runs/${run}/output`, {
    token: user.token,
    headers: { accept: 'application/x-ndjson' },
  });
  expect(lines.headers.get('content-type')).toBe('application/x-ndjson');
  expect(lines.text.trim().split('\n').length).toBe(1500);
  expect(lines.text.split('\n')[1]).toBe('{"id":"2","title":"Row 2","extra":"x"}');
  const errors = (await get(`/runs/${run}/logs?level=error`)).body.data;
  expect(errors.map((line: { message: string }) => line.message)).toEqual(['on stderr']);
  const application = (await get(`/runs/${run}/logs?source=application,stdout`)).body.data;
  expect(new Set(application.map((line: { source: string }) => line.source))).toEqual(
    new Set(['application', 'stdout']),
  );
  for (const [name, value] of [
    ['level', 'loud'],
    ['source', 'stdin'],
  ]) {
    const answer = await get(`/runs/${run}/logs?${name}=${value}`);
    expect(answer.body.errors).toEqual({ [name as string]: 'The value you selected is not a valid choice.' });
  }
});

test('what can not be started says why', async () => {
  const broken = await deploy(server, user, `sha256:${'0'.repeat(64)}`);
  const run = await finished({ connector: broken.id });
  const { failure, 'image-digest': image } = (await get(`/runs/${run}/stats`)).body.data;
  expect(failure.origin).toBe('engine');
  expect(failure.reason).toMatch(/^The connector could not be started: .+\.$/);
  expect(image).toBeNull();
  expect((await get(`/runs/${run}`)).body.data).toMatchObject({
    state: 'failed',
    'exit-code': null,
    'cli-command': null,
  });
  expect((await get(`/runs/${run}/logs?source=engine`)).body.data.length).toBeGreaterThan(0);
});
