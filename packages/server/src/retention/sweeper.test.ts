import { access } from 'node:fs/promises';
import { join } from 'node:path';
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
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';
import { sweep } from './sweeper.ts';

let server: TestServer;
let user: TestUser;
let digest: string;

const script = `
const post = (path, body) => fetch(process.env.CONTAINER_API_URL + path, { method: 'POST', body: JSON.stringify(body) });
(async () => {
  await post('/output/output', { data: [{ id: 1 }] });
  await post('/notifications/info', { message: 'told' });
  console.log('line');
})();
`;

beforeAll(async () => {
  server = await startTestServer({ ...localRepositories, SLIPWAY_RETENTION_BIN_DAYS: '20' });
  user = await server.makeUser();
  digest = await buildScript(server, script);
});

const get = async (path: string) => (await server.request('GET', path, { token: user.token })).body;

async function runOf(connector: DeployedConnector): Promise<string> {
  const { body } = await server.request('POST', '/runs', {
    token: user.token,
    body: { connector: connector.id },
  });
  return (await endOfRun(server, user, body.data.run.uuid)).id;
}

/** Makes runs, with their lines, so many days older. */
async function age(days: number, ...ids: string[]): Promise<void> {
  const { db } = server.server.services;
  const interval = sql`make_interval(days => ${days})`;
  await sql`UPDATE runs SET created_at = created_at - ${interval}, finished_at = finished_at - ${interval}
    WHERE id = ANY(${ids}::uuid[])`.execute(db);
  await sql`UPDATE log_chunks SET created_at = created_at - ${interval} WHERE subject = ANY(${ids}::uuid[])`.execute(
    db,
  );
}

const folderOf = (run: string) => join(server.home, 'storage', 'runs', run);
const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

/** What is left of a run. */
async function left(run: string) {
  const { status } = await server.request('GET', `/runs/${run}`, { token: user.token });
  if (status === 404) return { record: false, files: await exists(folderOf(run)) };
  const stats = (await get(`/runs/${run}/stats`)).data;
  return {
    record: true,
    files: await exists(folderOf(run)),
    rows: (await get(`/runs/${run}/output`)).data.length,
    lines: (await get(`/runs/${run}/logs`)).data.length,
    available: stats['output-available'],
  };
}

const whole = { record: true, files: true, rows: 1, lines: 1, available: true };

test('rows of runs are kept 7 days, their logs 30, their records 90; the latest run of a connector stays', async () => {
  const connector = await deploy(server, user, digest);
  const runs = [];
  for (let count = 0; count < 5; count++) runs.push(await runOf(connector));
  const [ancient, month, week, young, latest] = runs as [string, string, string, string, string];
  await age(91, ancient);
  await age(31, month);
  await age(8, week);
  await age(6, young);
  await sweep(server.server.services);
  expect(await left(ancient)).toEqual({ record: false, files: false });
  const gone = { record: true, files: false, rows: 0, available: false };
  expect(await left(month)).toEqual({ ...gone, lines: 0 });
  expect(await left(week)).toEqual({ ...gone, lines: 1 });
  expect(await left(young)).toEqual(whole);
  expect(await left(latest)).toEqual(whole);
  // However old the latest becomes.
  await age(100, ...runs.slice(1));
  await sweep(server.server.services);
  expect(await Promise.all(runs.map(async (run) => (await left(run)).record))).toEqual([
    false,
    false,
    false,
    false,
    true,
  ]);
  expect(await left(latest)).toEqual(whole);
});

test('rows that a source goes on contributing stay with their run', async () => {
  const connector = await deploy(server, user, digest);
  const { site } = connector;
  const imported = await server.request('POST', `/platform/sites/${site}/processes`, {
    token: user.token,
    body: { action: 'import' },
  });
  const process = await endOfProcess(server, user, site, imported.body.data.process_id);
  const used = process.steps[0]!.run as string;
  const later = await runOf(connector);
  await age(200, used);
  await sweep(server.server.services);
  expect(await left(used)).toEqual({ ...whole, lines: 0 });
  expect(await left(later)).toEqual(whole);
});

test('notifications that were read are kept 90 days, unread ones stay', async () => {
  const connector = await deploy(server, user, digest);
  const { site } = connector;
  for (let count = 0; count < 3; count++) await runOf(connector);
  const path = `/platform/sites/${site}/notifications`;
  const all = async () => (await get(path)).data.map(({ id }: { id: number }) => id);
  const [newest, middle, oldest] = await all();
  const { db } = server.server.services;
  const setAge = (id: number, days: number) =>
    sql`UPDATE notifications SET created_at = now() - make_interval(days => ${days}) WHERE id = ${id}`.execute(
      db,
    );
  for (const id of [newest, middle, oldest]) await setAge(id, 91);
  await sweep(server.server.services);
  expect(await all()).toEqual([newest, middle, oldest]);
  await server.request('POST', `${path}/read`, { token: user.token, body: { 'up-to': middle } });
  await setAge(middle, 89);
  await sweep(server.server.services);
  expect(await all()).toEqual([newest, middle]);
});

test('audit events are kept 365 days, builds 90, what is in the bin as long as is set', async () => {
  const { db } = server.server.services;
  const connector = await deploy(server, user, digest);
  const event = (days: number) =>
    sql`INSERT INTO audit_events (id, time, actor_kind, action, entity_type, entity_id, changes)
      VALUES (${newId()}, now() - make_interval(days => ${days}), 'system', ${`kept-${days}`}, 'test', 'x', '[]')`.execute(
      db,
    );
  for (const days of [364, 366]) await event(days);
  const build = async (days: number) => {
    const id = newId();
    await sql`INSERT INTO builds (id, connector_id, version_id, major, version, status, branch, steps, triggered_by, created_at, finished_at)
      VALUES (${id}, ${connector.id}, ${connector.versionId}, 1, '1.0.0', 'failed', 'main', '[]', ${user.id},
        now() - make_interval(days => ${days}), now() - make_interval(days => ${days}))`.execute(db);
    return id;
  };
  const builds = [await build(200), await build(91), await build(89)];
  const binned = await deploy(server, user, digest);
  const fresh = await deploy(server, user, digest);
  await sql`UPDATE connectors SET deleted_at = now() - make_interval(days => CASE WHEN id = ${binned.id} THEN 21 ELSE 19 END)
    WHERE id IN (${binned.id}, ${fresh.id})`.execute(db);
  await sweep(server.server.services);
  const events = await db
    .selectFrom('audit_events')
    .select('action')
    .where('entity_type', '=', 'test')
    .execute();
  expect(events).toEqual([{ action: 'kept-364' }]);
  const kept = await db.selectFrom('builds').select('id').where('connector_id', '=', connector.id).execute();
  expect(kept.map(({ id }) => id)).toEqual([builds[2]]);
  await sql`UPDATE builds SET created_at = created_at - interval '1 year', finished_at = finished_at - interval '1 year'
    WHERE id = ${builds[2]}`.execute(db);
  await sweep(server.server.services);
  expect(
    await db
      .selectFrom('builds')
      .select('id')
      .where('id', '=', builds[2] as string)
      .execute(),
  ).toHaveLength(1);
  const connectors = await db
    .selectFrom('connectors')
    .select('id')
    .where('id', 'in', [binned.id, fresh.id])
    .execute();
  expect(connectors).toEqual([{ id: fresh.id }]);
});
