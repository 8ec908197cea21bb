import { beforeAll, expect, test } from 'vitest';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
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

const send = (method: string, path: string, body?: unknown) =>
  server.request(method, path, { token: user.token, ...(body === undefined ? {} : { body }) });
const get = async (path: string) => (await send('GET', path)).body;

/** A site with the main rows 1 to 4, and another connector that its sources may use. */
async function makeSite(): Promise<{ site: number; shop: DeployedConnector; erp: DeployedConnector }> {
  const shop = await deploy(server, user, digest, { name: 'Shop', fields: testFields });
  const erp = await deploy(server, user, digest, { name: 'ERP', fields: testFields });
  await server.server.services.db
    .updateTable('connector_versions')
    .set({ dev_site: shop.site })
    .where('id', '=', erp.versionId)
    .execute();
  await setSource('PUT', shop.site, `/${shop.source}`, 'Shop', shop.id, { rows: '4' });
  return { site: shop.site, shop, erp };
}

async function setSource(
  method: 'POST' | 'PUT',
  site: number,
  path: string,
  name: string,
  connector: string,
  values: Record<string, string>,
  more: Record<string, unknown> = {},
) {
  const body = { name, kind: 'connector', connector: { id: connector, version: 1, values }, ...more };
  const answer = await send(method, `/platform/sites/${site}/data-sources${path}`, body);
  expect(answer.status, answer.text).toBeLessThan(300);
  return answer.body.data;
}

async function process(site: number) {
  const answer = await send('POST', `/platform/sites/${site}/processes`, { action: 'import' });
  expect(answer.status, answer.text).toBe(202);
  return endOfProcess(server, user, site, answer.body.data.process_id);
}

const rows = async (site: number) => (await get(`/platform/sites/${site}/data`)).data;
/** What a process told the users of its site, oldest first. */
const notifications = async (site: number, process: string) => {
  const { data } = await get(`/platform/sites/${site}/notifications?process-id=${process}`);
  return data.reverse().map(({ level, source, message, 'run-id': run }: Record<string, unknown>) => {
    expect([level, run]).toEqual(['warning', null]);
    return { source, message };
  });
};
const additional = { role: 'additional', join: 'fill', prefix: 'erp_' };

test('an additional source joins the rows of the main ones, and the history tells what each brought', async () => {
  const { site, shop, erp } = await makeSite();
  const joined = await setSource('POST', site, '', 'ERP', erp.id, { rows: '4', first: '3' }, additional);
  const again = await setSource('POST', site, '', 'Twice', shop.id, { rows: '1', first: '4' });
  const done = await process(site);
  expect(done).toMatchObject({ status: 'success', 'taken-over': true });
  expect(done.steps.at(-2)).toMatchObject({ kind: 'merge', 'rows-in': 9, 'rows-out': 5 });
  expect(await rows(site)).toEqual([
    { id: '1', title: 'Row 1', extra: '', erp_title: '', erp_extra: '' },
    { id: '2', title: 'Row 2', extra: 'x', erp_title: '', erp_extra: '' },
    { id: '3', title: 'Row 3', extra: '', erp_title: 'Row 3', erp_extra: '' },
    { id: '4', title: 'Row 4', extra: 'x', erp_title: 'Row 4', erp_extra: 'x' },
    { id: '4', title: 'Row 4', extra: 'x', erp_title: 'Row 4', erp_extra: 'x' },
  ]);
  expect(await notifications(site, done.id)).toEqual([
    { source: 'Twice', message: 'Data source Twice delivered 1 repeated id.' },
    { source: 'ERP', message: 'Data source ERP delivered 2 unmatched rows.' },
  ]);
  const history = await get(`/platform/sites/${site}/history`);
  expect(history.resource).toBe('history-entry');
  expect(history.data).toEqual([
    {
      kind: 'import',
      'process-id': done.id,
      export: null,
      rows: 5,
      sources: [
        { id: shop.source, rows: 4, repeated: 0, unmatched: 0 },
        { id: again.id, rows: 1, repeated: 1, unmatched: 0 },
        { id: joined.id, rows: 4, repeated: 0, unmatched: 2 },
      ],
      new: null,
      modified: null,
      deleted: null,
      unchanged: null,
      skipped: null,
      delivered: null,
      'started-at': done['started-at'],
      'finished-at': done['finished-at'],
      'created-at': done['created-at'],
    },
  ]);
  expect((await get(`/platform/sites/${site}/history?kind=export`)).data).toEqual([]);
  const refused = await send('GET', `/platform/sites/${site}/history?kind=all`);
  expect([refused.status, refused.body.errors]).toEqual([
    400,
    { kind: 'The value you selected is not a valid choice.' },
  ]);
});

test('key and match column are free, and values can be overwritten', async () => {
  const { site, erp } = await makeSite();
  const more = { role: 'additional', join: 'overwrite', 'key-column': 'title', 'match-column': 'title' };
  const source = await setSource('POST', site, '', 'ERP', erp.id, { rows: '1', first: '2' }, more);
  expect(source).toMatchObject({ role: 'additional', join: 'overwrite', 'key-column': 'title' });
  await process(site);
  expect((await rows(site))[1]).toEqual({ id: '2', title: 'Row 2', extra: 'x' });
});

test('a paused source goes on contributing its last good rows', async () => {
  const { site, erp } = await makeSite();
  const values = { rows: '2', first: '1' };
  const { id } = await setSource('POST', site, '', 'ERP', erp.id, values, additional);
  await process(site);
  const before = await rows(site);
  await setSource(
    'PUT',
    site,
    `/${id}`,
    'ERP',
    erp.id,
    { mode: 'fail' },
    { ...additional, status: 'paused' },
  );
  const done = await process(site);
  expect(done.steps[1]).toMatchObject({ name: 'ERP', status: 'kept', run: null, 'rows-out': 2 });
  expect(done.status).toBe('success');
  expect(await rows(site)).toEqual(before);
});

test('repeated and missing ids of a source are one warning, and what is in order is none', async () => {
  const { site, shop } = await makeSite();
  await server.server.services.db
    .updateTable('sites')
    .set({ id_column: 'extra' })
    .where('id', '=', site)
    .execute();
  // Every second row has an x there, and the others nothing.
  await setSource('PUT', site, `/${shop.source}`, 'Shop', shop.id, { rows: '6' });
  const done = await process(site);
  expect(await notifications(site, done.id)).toEqual([
    { source: 'Shop', message: 'Data source Shop delivered 2 repeated ids and 3 rows without id.' },
  ]);
  await setSource('PUT', site, `/${shop.source}`, 'Shop', shop.id, { rows: '2' });
  expect(await notifications(site, (await process(site)).id)).toEqual([
    { source: 'Shop', message: 'Data source Shop delivered 1 row without id.' },
  ]);
  await server.server.services.db
    .updateTable('sites')
    .set({ id_column: 'id' })
    .where('id', '=', site)
    .execute();
  expect(await notifications(site, (await process(site)).id)).toEqual([]);
});

test('a source that delivers nothing is told, also where the guard then ends the process', async () => {
  const { site, shop, erp } = await makeSite();
  await setSource('POST', site, '', 'ERP', erp.id, { mode: 'none' }, additional);
  const nothing = (source: string) => ({ source, message: `Data source ${source} delivered no rows.` });
  expect(await notifications(site, (await process(site)).id)).toEqual([nothing('ERP')]);
  const admin = await server.makeUser({ role: 'admin' });
  await server.request('PATCH', `/platform/sites/${site}`, {
    token: admin.token,
    body: { 'shrink-guard': 50 },
  });
  await setSource('PUT', site, `/${shop.source}`, 'Shop', shop.id, { mode: 'none' });
  const ended = await process(site);
  expect(ended).toMatchObject({ status: 'failed', 'taken-over': false });
  expect(await notifications(site, ended.id)).toEqual([nothing('ERP'), nothing('Shop')]);
  // Another source that ends the process takes nothing away from it.
  await setSource('POST', site, '', 'Broken', erp.id, { mode: 'fail' }, { 'on-failure': 'fail' });
  const failed = await process(site);
  expect(failed.reason).toBe('Data source Broken failed: The connector exited with code 3.');
  expect(await notifications(site, failed.id)).toEqual([nothing('ERP'), nothing('Shop')]);
});

test('a source that fails keeps its last good rows, or ends the process', async () => {
  const { site, erp } = await makeSite();
  const { id } = await setSource('POST', site, '', 'ERP', erp.id, { rows: '2' }, additional);
  await process(site);
  const before = await rows(site);
  await setSource('PUT', site, `/${id}`, 'ERP', erp.id, { mode: 'fail' }, additional);
  const kept = await process(site);
  expect(kept).toMatchObject({
    status: 'failed',
    'taken-over': true,
    reason: 'Data source ERP failed: The connector exited with code 3.',
  });
  expect(kept.steps[1]).toMatchObject({ status: 'kept', 'rows-out': 2 });
  expect(await rows(site)).toEqual(before);
  await setSource(
    'PUT',
    site,
    `/${id}`,
    'ERP',
    erp.id,
    { mode: 'fail' },
    { ...additional, 'on-failure': 'fail' },
  );
  const ended = await process(site);
  expect(ended).toMatchObject({ status: 'failed', 'taken-over': false });
  expect(ended.steps[1]).toMatchObject({ status: 'failed', error: 'The connector exited with code 3.' });
  expect(await rows(site)).toEqual(before);
});

test('a site goes back to an earlier data set', async () => {
  const { site, shop } = await makeSite();
  await process(site);
  await setSource('PUT', site, `/${shop.source}`, 'Shop', shop.id, { rows: '1', first: '9' });
  const second = await process(site);
  const [present, earlier] = (await get(`/platform/sites/${site}/data-sets`)).data;
  expect(present).toMatchObject({
    'process-id': second.id,
    current: true,
    rows: { import: 1, intermediate: 1 },
  });
  const restore = (id: number | string) => send('POST', `/platform/sites/${site}/data-sets/${id}/restore`);
  const restored = await restore(earlier.id);
  expect([restored.status, restored.body]).toEqual([
    200,
    { data: { ...earlier, current: true }, message: 'Data set has been restored.', resource: 'data-set' },
  ]);
  expect((await rows(site)).map((row: { id: string }) => row.id)).toEqual(['1', '2', '3', '4']);
  const sets = (await get(`/platform/sites/${site}/data-sets`)).data;
  expect(sets.map((set: { current: boolean }) => set.current)).toEqual([false, true]);
  // Once more changes nothing, so nothing is on record.
  expect((await restore(earlier.id)).status).toBe(200);
  const events = await server.server.services.db
    .selectFrom('audit_events')
    .select(['changes'])
    .where('action', '=', 'platform_data_set_restore')
    .where('entity_id', '=', String(site))
    .execute();
  expect(events).toEqual([{ changes: [{ path: 'data-set', from: present.id, to: earlier.id }] }]);

  const unknown = await restore(999_999);
  expect([unknown.status, unknown.body]).toEqual([404, { message: 'Data set not found.' }]);
  const foreign = await makeSite();
  await process(foreign.site);
  const [other] = (await get(`/platform/sites/${foreign.site}/data-sets`)).data;
  expect((await restore(other.id)).status).toBe(404);
  const wrong = await restore('0');
  expect([wrong.status, wrong.body.errors]).toEqual([
    400,
    { dataSetId: 'This value does not have valid integer.' },
  ]);

  await setSource('PUT', site, `/${shop.source}`, 'Shop', shop.id, { mode: 'sleep' });
  const { process_id } = (await send('POST', `/platform/sites/${site}/processes`, { action: 'import' })).body
    .data;
  await eventually(
    async () => (await get(`/platform/sites/${site}`)).data['processing-status'],
    (status) => status === 'running',
  );
  const refused = await restore(present.id);
  expect([refused.status, refused.body]).toEqual([400, { message: 'Site is being processed.', errors: [] }]);
  await send('POST', `/platform/sites/${site}/processes/${process_id}/cancel`);
  await endOfProcess(server, user, site, process_id);
});
