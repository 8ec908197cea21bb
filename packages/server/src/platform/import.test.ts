import { beforeAll, expect, test } from 'vitest';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
  endOfRun,
  eventually,
  localRepositories,
} from '../../test/support/deployed.ts';
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

const get = async (path: string) => (await server.request('GET', path, { token: user.token })).body;
const post = (path: string, body: unknown) => server.request('POST', path, { token: user.token, body });

/** A data source on a dev site of its own, with these form values. */
async function makeSource(
  values: Record<string, string> = {},
  more: Record<string, unknown> = {},
): Promise<DeployedConnector & { source: number }> {
  const connector = await deploy(server, user, digest, { name: 'Shop', fields: testFields });
  const source = connector.source as number;
  await setSource(connector, source, values, more);
  return { ...connector, source };
}

async function setSource(
  connector: DeployedConnector,
  source: number,
  values: Record<string, string>,
  more: Record<string, unknown> = {},
): Promise<void> {
  const answer = await server.request('PUT', `/platform/sites/${connector.site}/data-sources/${source}`, {
    token: user.token,
    body: { name: 'Shop', kind: 'connector', connector: { id: connector.id, version: 1, values }, ...more },
  });
  expect(answer.status, answer.text).toBe(200);
}

async function process(site: number, action = 'import') {
  const answer = await post(`/platform/sites/${site}/processes`, { action });
  expect(answer.status, answer.text).toBe(202);
  expect(answer.text).toMatch(/^\{"message":"Process queued\.","data":\{"process_id":"[0-9a-f-]{36}"\}\}$/);
  return endOfProcess(server, user, site, answer.body.data.process_id);
}

test('an import runs the connector and takes its rows over', async () => {
  const { site, id } = await makeSource({ rows: '1200', token: 'geheim-1234' });
  const done = await process(site);
  expect(done).toMatchObject({ status: 'success', reason: null, 'taken-over': true, action: 'import' });
  expect(done.steps.map((step: { kind: string; status: string }) => [step.kind, step.status])).toEqual([
    ['source', 'success'],
    ['merge', 'success'],
    ['take-over', 'success'],
  ]);
  expect(done.steps[0]).toMatchObject({ name: 'Shop', 'rows-out': 1200, error: null });
  const shown = (await get(`/platform/sites/${site}`)).data;
  expect(shown).toMatchObject({
    'processing-status': 'idle',
    'last-process': done.id,
    rows: { import: 1200, intermediate: 1200 },
  });
  const sets = await get(`/platform/sites/${site}/data-sets`);
  expect(sets.data).toMatchObject([{ id: shown['data-set'], 'process-id': done.id, current: true }]);
  const run = (await get(`/runs/${done.steps[0].run}`)).data;
  expect(run).toMatchObject({
    state: 'finished',
    'connector-id': id,
    'process-id': done.id,
    'exit-code': 0,
    'cli-command': 'node main.js',
    'connector-setup-config': { mode: 'rows', rows: '1200', first: '1', token: '***' },
  });
});

test('the log of a run has every line once, masked', async () => {
  const { site } = await makeSource({ token: 'geheim-1234' });
  const done = await process(site);
  const run = done.steps[0].run;
  const { data } = await get(`/runs/${run}/logs`);
  expect(data.map((line: { number: number }) => line.number)).toEqual(
    data.map((_: unknown, index: number) => index + 1),
  );
  const texts = data.map((line: { source: string; message: string }) => `${line.source}: ${line.message}`);
  expect(texts).toContain('stdout: mode rows token ***');
  expect(texts).toContain('stderr: on stderr');
  expect(texts).toContain('application: working as rows');
  expect(JSON.stringify(data)).not.toContain('geheim');
  const stats = (await get(`/runs/${run}/stats`)).data;
  expect(stats).toMatchObject({
    run,
    engine: 'process',
    'image-digest': digest,
    'rows-written': { output: 3, feedback: 1 },
    'output-available': true,
    failure: null,
  });
  expect(stats['log-lines'].stdout).toBe(1);
  expect(stats['duration-ms']).toBeGreaterThan(0);
});

test('a manual run keeps its output to itself', async () => {
  const { id, site } = await makeSource();
  const answer = await post('/runs', { connector: id, values: { rows: '2', first: '7' } });
  expect(answer.status, answer.text).toBe(202);
  expect(answer.text).toMatch(
    /^\{"message":"Run started\.","data":\{"run":\{"uuid":"[0-9a-f-]{36}"\},"process-id":"[0-9a-f-]{36}"\}\}$/,
  );
  const run = answer.body.data.run.uuid;
  expect(await endOfRun(server, user, run)).toMatchObject({ state: 'finished' });
  const output = await server.request('GET', `/runs/${run}/output`, { token: user.token });
  expect(output.text).toBe(
    '{"data":[{"id":"7","title":"Row 7","extra":""},{"id":"8","title":"Row 8","extra":"x"}],"metadata":{"from":0,"limit":100,"count":2,"total":2,"next":null},"message":"successful operation","resource":"row"}',
  );
  const feedback = await get(`/runs/${run}/feedback`);
  expect(feedback.data).toEqual([{ id: '7', status: 'ok' }]);
  expect((await get(`/platform/sites/${site}`)).data['data-set']).toBeNull();
  const ended = await endOfProcess(server, user, site, answer.body.data['process-id']);
  expect(ended).toMatchObject({ action: 'run', trigger: 'run', status: 'success', 'taken-over': false });
});

test('eventually the site is idle', async () => {
  const { site } = await makeSource();
  await process(site);
  await eventually(
    async () => (await get(`/platform/sites/${site}`)).data['processing-status'],
    (status) => status === 'idle',
  );
});
