import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';
import { foldCounts } from './list-counts.ts';

const server = await startTestServer({ SLIPWAY_ROLE: 'api' });
const { db } = server.server.services;
const admin = await server.makeUser({ role: 'admin' });

/** Totals of the list for every query, and how many its pages really hold. */
async function totals(path: string, queries: readonly string[], as: TestUser) {
  const results: [string, number, number][] = [];
  for (const query of queries) {
    const get = async (more: string) =>
      (await server.request('GET', `${path}?${query}${more}`, { token: as.token })).body;
    const { metadata } = await get('&limit=1');
    const { data } = await get('&limit=1000');
    results.push([query, metadata.total, data.length]);
  }
  return results;
}

function expectTrue(results: readonly [string, number, number][]): void {
  expect(results.map(([query, total]) => [query, total])).toEqual(
    results.map(([query, , held]) => [query, held]),
  );
}

test('totals of connectors stay true through everything that moves one', async () => {
  const organization = await server.makeOrganization({ limit: 100 });
  const one = await server.makeUser({ organizations: [organization] });
  const other = await server.makeUser();
  const queries = [
    '',
    'type=export',
    'released=true',
    'released=false&type=datasource',
    `owners=${organization}`,
    `owners=${organization},${other.id}&released=true`,
    'name=Special',
  ];
  const check = async () => {
    for (const user of [admin, one, other]) expectTrue(await totals('/connectors', queries, user));
  };
  await check();
  const made = [];
  for (const type of ['datasource', 'export', 'datasource']) {
    made.push(await makeConnector(server, one, { type, name: 'Special', details: { owner: organization } }));
    made.push(await makeConnector(server, other, { type }));
  }
  await check();
  const set = (table: 'connectors' | 'connector_versions', columns: object, id: string) =>
    db
      .updateTable(table)
      .set(columns)
      .where(table === 'connectors' ? 'id' : 'connector_id', '=', id as never)
      .execute();
  const ids = made.map(({ id }) => id) as [string, string, string, string, string, string];
  await set('connector_versions', { released: true }, ids[0]);
  await set('connector_versions', { released: true }, ids[3]);
  await check();
  expect((await totals('/connectors', ['released=true'], admin))[0]?.[1]).toBe(2);
  await foldCounts(db);
  await check();
  await set('connectors', { deleted_at: new Date() }, ids[0]);
  await set('connectors', { owner_id: organization, owner_kind: 'organization' }, ids[1]);
  await check();
  await set('connectors', { deleted_at: null }, ids[0]);
  await set('connector_versions', { released: false }, ids[0]);
  await db.deleteFrom('connectors').where('id', '=', ids[2]).execute();
  // Both are released no more: one by its only version going.
  await db.deleteFrom('connector_versions').where('connector_id', '=', ids[3]).execute();
  await foldCounts(db);
  await foldCounts(db);
  await check();
  expect((await totals('/connectors', ['released=true'], admin))[0]?.[1]).toBe(0);
  const { rows } = await sql`SELECT 1 FROM list_counts WHERE n < 0`.execute(db);
  expect(rows).toEqual([]);
});

test('totals of runs stay true while they change their state and go', async () => {
  const owner = await server.makeUser();
  const [first, second] = [await makeConnector(server, owner), await makeConnector(server, owner)];
  const runs: string[] = [];
  for (const [index, connector] of [first, first, second, first].entries()) {
    const id = newId();
    runs.push(id);
    await db
      .insertInto('runs')
      .values({
        id,
        connector_id: connector.id,
        version_id: connector.versionId,
        major: 1,
        connector_version: '1.0.0',
        state: 'queued',
        environment: 'dev',
        stage: 'import',
        process_id: newId(),
        site_id: 1 + (index % 2),
        site_name: 'S',
        project_id: 1,
        project_name: 'P',
        account_id: 1,
        account_name: 'A',
      })
      .execute();
  }
  const queries = [
    '',
    'state=queued',
    'state=failed',
    `connector-id=${first.id}`,
    `connector-id=${first.id}&state=running`,
    'site-id=1',
    'site-id=2&state=failed',
    `site-id=1&connector-id=${first.id}`,
    'connector-version=1',
    `id=${runs[0]}`,
  ];
  const check = async () => {
    for (const user of [admin, owner, await server.makeUser()])
      expectTrue(await totals('/runs', queries, user));
  };
  await check();
  await db.updateTable('runs').set({ state: 'running' }).where('id', 'in', runs.slice(0, 3)).execute();
  await check();
  await foldCounts(db);
  await db
    .updateTable('runs')
    .set({ state: 'failed', exit_code: 1 })
    .where('id', '=', runs[1] as string)
    .execute();
  await check();
  await db.deleteFrom('runs').where('id', 'in', runs.slice(1)).execute();
  await foldCounts(db);
  await check();
  expect((await totals('/runs', [''], admin))[0]?.[1]).toBe(1);
});

test('counts hold while several change the same ones at once', async () => {
  const owner = await server.makeUser();
  await Promise.all([
    ...Array.from({ length: 20 }, () => makeConnector(server, owner)),
    ...Array.from({ length: 5 }, () => foldCounts(db)),
  ]);
  await foldCounts(db);
  expectTrue(await totals('/connectors', ['', 'released=false'], owner));
  expect((await totals('/connectors', [''], owner))[0]?.[1]).toBe(20);
});
