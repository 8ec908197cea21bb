import { appendFile, mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { runFolder } from '@slipway/container-api';
import { OutputStream } from '@slipway/records';
import { sql } from 'kysely';
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
import { connect } from '../database/connect.ts';
import { newId } from '../ids.ts';
import { recoverProcesses } from '../platform/process-worker.ts';
import { recoverRuns } from './recover-runs.ts';

let server: TestServer;
let user: TestUser;
let digest: string;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  digest = await buildScript(server, testScript);
});

const get = async (path: string) => (await server.request('GET', path, { token: user.token })).body;

/** A run and its process as a worker leaves them that was killed while the connector ran. */
async function leftBehind(connector: DeployedConnector): Promise<{ run: string; process: string }> {
  const { db } = server.server.services;
  // Someone else's work holds the site meanwhile, so that nobody here begins the run.
  const blocker = newId();
  await sql`
    INSERT INTO processes (id, site_id, action, status, trigger, steps, worker_id)
    VALUES (${blocker}, ${connector.site}, 'import', 'running', 'manual', '[]', ${server.server.services.workerId})`.execute(
    db,
  );
  const answer = await server.request('POST', '/runs', {
    token: user.token,
    body: { connector: connector.id },
  });
  const run = answer.body.data.run.uuid;
  const process = answer.body.data['process-id'];
  await eventually(
    async () =>
      (
        await sql`SELECT 1 FROM pgboss.job WHERE data ->> 'id' = ${process} AND state = 'completed'`.execute(
          db,
        )
      ).rows,
    (jobs) => jobs.length > 0,
  );
  const dead = newId();
  await db.deleteFrom('processes').where('id', '=', blocker).execute();
  await sql`UPDATE processes SET status = 'running', worker_id = ${dead}, attempts = 1, started_at = now()
    WHERE id = ${process}`.execute(db);
  await sql`UPDATE runs SET state = 'running', worker_id = ${dead}, attempts = 1, started_at = now()
    WHERE id = ${run}`.execute(db);
  return { run, process };
}

/** What such a run had written by then, with the torn ends of a crash. */
async function writeRemains(run: string): Promise<void> {
  const folder = runFolder(await server.server.services.storage.folder('runs', run));
  await mkdir(dirname(folder.output('output')), { recursive: true });
  const stream = await OutputStream.open(folder.output('output'));
  await stream.dispose();
  await appendFile(`${folder.output('output')}.columns.ndjson`, '{"end":15,"names":["id"]}\n');
  await appendFile(`${folder.output('output')}.1.ndjson`, '{"id":"kept"} \n{"id":"to');
  await appendFile(
    folder.log,
    '{"number":1,"time":"2026-05-11T14:12:31.123+00:00","level":"info","severity":6,"source":"stdout","message":"before the crash","context":{}}\n{"number":2,"ti',
  );
}

test('a run of a dead worker is ended truthfully, with what it wrote', async () => {
  const connector = await deploy(server, user, digest, { fields: testFields });
  const { run, process } = await leftBehind(connector);
  await writeRemains(run);
  await recoverRuns(server.server.services, new AbortController().signal);
  expect((await get(`/runs/${run}`)).data).toMatchObject({ state: 'failed', 'exit-code': null });
  expect((await get(`/runs/${run}/stats`)).data.failure).toEqual({
    origin: 'engine',
    reason: 'The machine that ran the connector was lost.',
  });
  expect((await get(`/runs/${run}/output`)).data).toEqual([{ id: 'kept' }]);
  const lines = (await get(`/runs/${run}/logs`)).data;
  expect(lines.map((line: { number: number; message: string }) => [line.number, line.message])).toEqual([
    [1, 'before the crash'],
    [2, 'The machine that ran the connector was lost.'],
  ]);
  await recoverProcesses(server.server.services);
  expect(await endOfProcess(server, user, connector.site, process)).toMatchObject({
    status: 'failed',
    reason: 'The machine that ran the connector was lost.',
  });
});

test('the worker that takes a process over ends its run first', async () => {
  const connector = await deploy(server, user, digest, { fields: testFields });
  const { run, process } = await leftBehind(connector);
  await recoverProcesses(server.server.services);
  expect(await endOfProcess(server, user, connector.site, process)).toMatchObject({ status: 'failed' });
  expect(await endOfRun(server, user, run)).toMatchObject({ state: 'failed' });
});

test('an import that lost its worker goes on; runs that have ended are not repeated', async () => {
  const { db } = server.server.services;
  const connector = await deploy(server, user, digest, { fields: testFields });
  const started = await server.request('POST', `/platform/sites/${connector.site}/processes`, {
    token: user.token,
    body: { action: 'import' },
  });
  const id = started.body.data.process_id;
  const done = await endOfProcess(server, user, connector.site, id);
  // As if the worker had been killed between the run and the merge.
  const [first] = done.steps;
  await sql`
    UPDATE processes SET status = 'running', worker_id = ${newId()}, taken_over = false, finished_at = NULL,
      steps = ${JSON.stringify(
        done.steps.map((step: { kind: string }) =>
          step.kind === 'source' ? { ...step, status: 'running' } : { ...step, status: 'pending' },
        ),
      )}
    WHERE id = ${id}`.execute(db);
  await recoverProcesses(server.server.services);
  const again = await endOfProcess(server, user, connector.site, id);
  expect(again).toMatchObject({ status: 'success', 'taken-over': true });
  expect(again.steps[0]?.run).toBe(first?.run);
  const runs = await get(`/runs?process-id=${id}`);
  expect(runs.metadata.total).toBe(1);
  expect((await get(`/platform/sites/${connector.site}`)).data.rows.import).toBe(3);
});

test('a process that has lost its worker too often is given up', async () => {
  const { db } = server.server.services;
  const connector = await deploy(server, user, digest, { fields: testFields });
  const { run, process } = await leftBehind(connector);
  await sql`UPDATE processes SET attempts = 3 WHERE id = ${process}`.execute(db);
  await sql`UPDATE runs SET state = 'queued', worker_id = NULL, started_at = NULL WHERE id = ${run}`.execute(
    db,
  );
  await recoverProcesses(server.server.services);
  expect(await endOfProcess(server, user, connector.site, process)).toMatchObject({
    status: 'failed',
    reason: 'The worker was lost and the process could not be resumed.',
  });
  expect((await get(`/runs/${run}`)).data.state).toBe('cancelled');
});

test('a queued process whose job was lost is begun', async () => {
  const { db } = server.server.services;
  const connector = await deploy(server, user, digest, { fields: testFields });
  const id = newId();
  await sql`
    INSERT INTO processes (id, site_id, action, status, trigger, steps)
    VALUES (${id}, ${connector.site}, 'import', 'queued', 'manual', '[]')`.execute(db);
  await recoverProcesses(server.server.services);
  expect(await endOfProcess(server, user, connector.site, id)).toMatchObject({ status: 'success' });
});

test('a server that stops ends what it runs, and says so', async () => {
  const other = await startTestServer(localRepositories);
  const owner = await other.makeUser();
  const built = await buildScript(other, testScript);
  const fields = testFields.map((field) =>
    field.option === 'mode' ? { ...field, default: 'sleep' } : field,
  );
  const connector = await deploy(other, owner, built, { fields });
  const started = await other.request('POST', '/runs', {
    token: owner.token,
    body: { connector: connector.id },
  });
  const run = started.body.data.run.uuid;
  await eventually(
    async () => (await other.request('GET', `/runs/${run}/logs`, { token: owner.token })).body.data.length,
    (lines) => lines > 0,
  );
  const { databaseUrl } = other.server.services.settings;
  await other.server.stop();
  const { db, close } = connect(databaseUrl as string);
  const left = await db
    .selectFrom('runs')
    .select(['state', 'failure'])
    .where('id', '=', run)
    .executeTakeFirst();
  const process = await db.selectFrom('processes').select(['status', 'reason']).executeTakeFirst();
  await close();
  expect(left).toEqual({
    state: 'failed',
    failure: { origin: 'engine', reason: 'The machine that ran the connector was lost.' },
  });
  expect(process).toEqual({ status: 'failed', reason: 'The machine that ran the connector was lost.' });
});
