import { createServer, connect as openSocket, type Socket } from 'node:net';
import { createClient, type ResultOf, waitForProcess, waitForRun, waitForState } from '@slipway/client';
import { expect, onTestFinished, test } from 'vitest';
import { localRepositories } from '../support/deployed.ts';
import { makeRepository } from '../support/repository.ts';
import { testScript } from '../support/script.ts';
import { startTestServer } from '../support/server.ts';

const server = await startTestServer(localRepositories);
const admin = await server.makeUser({ role: 'admin' });
const client = server.client(admin);

const repository = makeRepository(server, {
  Dockerfile: 'FROM node:24-slim\nCOPY . .\nCMD ["node", "main.js"]\n',
  'main.js': testScript,
});

/** A connector of a new account, configured but not built. */
async function configuredConnector(): Promise<string> {
  const organization = await client.organizationCreate({ body: { name: `Walkers ${crypto.randomUUID()}` } });
  await client.addMemberToOrganization({ organizationId: organization.uuid, memberId: admin.id });
  const account = await client.platformAccountCreate({ body: { name: 'Shop' } });
  await client.updateOrganizationDefaultTargets({
    organizationId: organization.uuid,
    body: { 'dev-defaults': { account: account.id } },
  });
  const connector = await client.connectorCreate({
    body: { 'connector-type': 'datasource', 'connector-name': 'Feed', owner: organization.uuid },
  });
  const version = { publicId: connector.id, connectorVersion: 1 };
  await client.connectorUpdateVcsConfig({
    ...version,
    body: { authorization: 'public', url: repository.url, branch: 'main' },
  });
  await client.connectorUpdateApplicationConfig({
    ...version,
    body: { command: 'node', arguments: 'main.js' },
  });
  for (const [option, fallback] of [
    ['mode', 'rows'],
    ['rows', '1200'],
  ] as const) {
    await client.connectorIndividualConfigAdd({
      ...version,
      body: {
        'command-option': option,
        'field-type': 'input',
        'field-name': option,
        'field-default-value': fallback,
      },
    });
  }
  return connector.id;
}

test('from nothing to rows: every step of an integrator, by the client alone', async () => {
  const publicId = await configuredConnector();
  const version = { publicId, connectorVersion: 'latest' } as const;

  const build = await client.connectorBuildTrigger({ body: { connector: publicId } });
  const steps = new Set<string>();
  const built = await waitForState(client, build.state.uuid, { onLog: ({ source }) => steps.add(source) });
  expect(built.status, JSON.stringify(built)).toBe('done');
  expect([...steps]).toEqual(expect.arrayContaining(['clone', 'image']));

  await client.connectorSyncRuntime(version);
  const sync = await client.connectorSyncDev(version);
  expect((await waitForState(client, sync.state.uuid)).status).toBe('done');
  const { platform_dev_reference: dev } = await client.connectorVersionShow(version);
  const siteId = dev.site as number;

  const { process_id } = await client.platformProcessCreate({ siteId, body: { action: 'import' } });
  const process = await waitForProcess(client, siteId, process_id);
  expect([process.status, process.reason, process.steps[0]?.['rows-out']]).toEqual(['success', null, 1200]);

  const rows: ResultOf<'platformDataShow'>[] = [];
  for await (const row of client.platformDataShow({ siteId }).lines()) rows.push(row);
  expect(rows).toHaveLength(1200);
  expect(rows[1]).toEqual({ id: '2', title: 'Row 2', extra: 'x' });
  const paged = client.platformDataShow({ siteId, query: { columns: 'id', limit: 500 } });
  const ids: string[] = [];
  for await (const { id } of paged) ids.push(id as string);
  expect(ids).toEqual(rows.map(({ id }) => id));
  const csv = await client.platformDataShow({ siteId, query: { limit: 1 } }).download('text/csv');
  expect(csv.headers.get('slipway-data-set')).toMatch(/^\d+$/);
  expect(await csv.text()).toMatch(/^id,title,extra\r?\n1,Row 1,\r?\n$/);

  const { run } = await client.runCreate({ body: { connector: publicId, values: { rows: '2' } } });
  const lines: ResultOf<'runLogs'>[] = [];
  const finished = await waitForRun(client, run.uuid, { onLog: (line) => lines.push(line) });
  expect([finished.state, finished['exit-code']]).toEqual(['finished', 0]);
  expect(lines.map(({ number }) => number)).toEqual(lines.map((_, index) => index + 1));
  expect((await client.runLogs({ runId: run.uuid })).items).toEqual(lines);
  expect((await client.runOutput({ runId: run.uuid })).metadata.total).toBe(2);
});

test('what ends badly is a result that says why', async () => {
  const publicId = await configuredConnector();
  const version = { publicId, connectorVersion: 1 };
  await client.connectorUpdateVcsConfig({
    ...version,
    body: { authorization: 'public', url: repository.url, branch: 'nowhere' },
  });
  const { state } = await client.connectorBuildTrigger({ body: { connector: publicId } });
  const ended = await waitForState(client, state.uuid);
  expect([ended.status, ended.data]).toEqual([
    'failed',
    { step: 'clone', error: 'Git clone failed with exit code 128' },
  ]);
});

/** Stands between client and server, and cuts every connection of an event stream after some bytes. */
async function startCutter(afterBytes: number): Promise<{ url: string; cuts: () => number }> {
  let cuts = 0;
  const open = new Set<Socket>();
  const proxy = createServer((near) => {
    const far = openSocket(Number(new URL(server.url).port), '127.0.0.1');
    for (const socket of [near, far]) {
      open.add(socket);
      socket.on('error', () => {}).on('close', () => open.delete(socket));
    }
    near.pipe(far);
    let streaming = false;
    let left = afterBytes;
    far.on('data', (bytes: Buffer) => {
      streaming ||= bytes.includes('text/event-stream');
      if (!streaming) return void near.write(bytes);
      near.write(bytes.subarray(0, left));
      left -= bytes.length;
      if (left > 0) return;
      cuts += 1;
      near.end();
      far.destroy();
    });
    far.on('end', () => near.end());
  });
  await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of open) socket.destroy();
    proxy.close();
  });
  return { url: `http://127.0.0.1:${(proxy.address() as { port: number }).port}`, cuts: () => cuts };
}

test('a log is followed whole over a network that cuts', async () => {
  const publicId = await configuredConnector();
  const { state } = await client.connectorBuildTrigger({ body: { connector: publicId } });
  await waitForState(client, state.uuid);
  const { items } = await client.stateLogs({ stateId: state.uuid });
  const { url, cuts } = await startCutter(1_500);
  const far = createClient({ url, token: admin.token });
  const numbers: number[] = [];
  let end = '';
  for await (const event of far.stateLogs({ stateId: state.uuid }).follow()) {
    if (event.event === 'log') numbers.push(event.id);
    else end = event.data.status;
  }
  expect(numbers).toEqual(items.map(({ number }) => number));
  expect(end).toBe('done');
  expect(cuts()).toBeGreaterThan(0);
});
