import type { Client, InputOf } from '@slipway/client';
import { beforeAll, expect, test } from 'vitest';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
  endOfRun,
  localRepositories,
} from '../../test/support/deployed.ts';
import { testFields, testScript } from '../../test/support/script.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { eventually } from '../../test/support/wait.ts';

let server: TestServer;
let user: TestUser;
let client: Client;
let digest: string;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  client = server.client(user);
  digest = await buildScript(server, testScript);
});

type SourceBody = InputOf<'platformDataSourceUpdate'>['body'];

/** A data source on a dev site of its own, with these form values. */
async function makeSource(
  values: Record<string, string> = {},
  more: Partial<SourceBody> = {},
): Promise<DeployedConnector & { source: number }> {
  const connector = await deploy(server, user, digest, { name: 'Shop', fields: testFields });
  const source = connector.source as number;
  await client.platformDataSourceUpdate({
    siteId: connector.site,
    dataSourceId: source,
    body: { name: 'Shop', kind: 'connector', connector: { id: connector.id, version: 1, values }, ...more },
  });
  return { ...connector, source };
}

async function process(siteId: number) {
  const started = await client.platformProcessCreate({ siteId, body: { action: 'import' } }).withAnswer();
  expect([started.status, started.message]).toEqual([202, 'Process queued.']);
  return endOfProcess(server, user, siteId, started.data.process_id);
}

test('an import runs the connector and takes its rows over', async () => {
  const { site, id } = await makeSource({ rows: '1200', token: 'geheim-1234' });
  const done = await process(site);
  expect(done).toMatchObject({ status: 'success', reason: null, 'taken-over': true, action: 'import' });
  expect(done.steps.map(({ kind, status }) => [kind, status])).toEqual([
    ['source', 'success'],
    ['merge', 'success'],
    ['take-over', 'success'],
  ]);
  expect(done.steps[0]).toMatchObject({ name: 'Shop', 'rows-out': 1200, error: null });
  const shown = await client.platformSiteShow({ siteId: site });
  expect(shown).toMatchObject({
    'processing-status': 'idle',
    'last-process': done.id,
    rows: { import: 1200, intermediate: 1200 },
  });
  const { items: sets } = await client.platformDataSetList({ siteId: site });
  expect(sets).toMatchObject([{ id: shown['data-set'], 'process-id': done.id, current: true }]);
  const run = await client.runShow({ runId: done.steps[0]?.run as string });
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
  const runId = done.steps[0]?.run as string;
  const { items } = await client.runLogs({ runId });
  expect(items.map(({ number }) => number)).toEqual(items.map((_, index) => index + 1));
  const texts = items.map(({ source, message }) => `${source}: ${message}`);
  expect(texts).toContain('stdout: mode rows token ***');
  expect(texts).toContain('stderr: on stderr');
  expect(texts).toContain('application: working as rows');
  expect(JSON.stringify(items)).not.toContain('geheim');
  const stats = await client.runStats({ runId });
  expect(stats).toMatchObject({
    run: runId,
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
  const started = await client
    .runCreate({ body: { connector: id, values: { rows: '2', first: '7' } } })
    .withAnswer();
  expect([started.status, started.message]).toEqual([202, 'Run started.']);
  const { run, 'process-id': processId } = started.data;
  expect(await endOfRun(server, user, run.uuid)).toMatchObject({ state: 'finished' });
  const output = await server.request('GET', `/runs/${run.uuid}/output`, { token: user.token });
  expect(output.text).toBe(
    '{"data":[{"id":"7","title":"Row 7","extra":""},{"id":"8","title":"Row 8","extra":"x"}],"metadata":{"from":0,"limit":100,"count":2,"total":2,"next":null},"message":"successful operation","resource":"row"}',
  );
  const feedback = await client.runFeedback({ runId: run.uuid });
  expect(feedback.items).toEqual([{ id: '7', status: 'ok' }]);
  expect((await client.platformSiteShow({ siteId: site }))['data-set']).toBeNull();
  const ended = await endOfProcess(server, user, site, processId);
  expect(ended).toMatchObject({ action: 'run', trigger: 'run', status: 'success', 'taken-over': false });
});

test('eventually the site is idle', async () => {
  const { site } = await makeSource();
  await process(site);
  await eventually(
    () => client.platformSiteShow({ siteId: site }),
    (shown) => shown['processing-status'] === 'idle',
  );
});
