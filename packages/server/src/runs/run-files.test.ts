import { randomUUID } from 'node:crypto';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { buildScript, deploy, endOfRun, grant, localRepositories } from '../../test/support/deployed.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

/** Leaves files in its exchange folder, among them links that lead out of it, and hands two of them on. */
const script = `
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
const folder = process.env.SLIPWAY_EXCHANGE_DIR;
mkdirSync(folder + '/deep/er', { recursive: true });
writeFileSync(folder + '/deep/er/€ "1".csv', 'id\\n1\\n');
writeFileSync(folder + '/deep-b.csv', 'b');
symlinkSync('/etc', folder + '/out');
symlinkSync('deep-b.csv', folder + '/same');
const call = (path, body) => fetch(process.env.CONTAINER_API_URL + path, { method: 'POST', body: JSON.stringify(body) });
await call('/store/to-transport', { source_file: '/deep-b.csv', remote_file: '/to/shop.csv' });
await call('/storage/internal', { source_file: '/deep-b.csv', remote_file: '/kept.csv' });
`;

let server: TestServer;
let user: TestUser;
let run: string;
let site: number;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  const connector = await deploy(server, user, await buildScript(server, script), { type: 'download' });
  site = connector.site;
  const { body } = await server.request('POST', '/runs', {
    token: user.token,
    body: { connector: connector.id },
  });
  run = body.data.run.uuid;
  await endOfRun(server, user, run);
});

const get = (path: string, as = user) => server.request('GET', path, { token: as.token });

interface Page {
  data: Record<string, unknown>[];
  metadata: { next: string | null };
}

const files = [
  ['exchange', 'deep-b.csv', 1],
  ['exchange', 'deep/er/€ "1".csv', 5],
  ['internal', 'kept.csv', 1],
  ['transport', 'to/shop.csv', 1],
];

test('what a run left is listed by store and path; links are no files', async () => {
  const { body } = await get(`/runs/${run}/files`);
  expect(body.resource).toBe('run-file');
  expect(Object.keys(body.data[0])).toEqual(['store', 'path', 'size-bytes', 'updated-at']);
  const shown = (data: Record<string, unknown>[]) =>
    data.map((file) => [file.store, file.path, file['size-bytes']]);
  expect(shown(body.data)).toEqual(files);
  const pages: unknown[] = [];
  for (let next: string | null = `/runs/${run}/files?limit=1`; next !== null; ) {
    const page: Page = (await get(next)).body;
    expect(page.metadata).toMatchObject({ from: pages.length, count: 1, total: 4 });
    pages.push(...shown(page.data));
    next = page.metadata.next;
  }
  expect(pages).toEqual(files);
  expect((await get(`/runs/${run}/files?after=x`)).body.errors).toEqual({
    after: 'This value is not valid.',
  });
});

test('a file is an attachment; showing it is on record', async () => {
  const path = `/runs/${run}/files/exchange/${encodeURIComponent('deep/er/€ "1".csv')}`;
  for (const address of [path, `/runs/${run}/files/exchange/deep/er/%E2%82%AC%20%221%22.csv`]) {
    const answer = await get(address);
    expect([answer.status, answer.text]).toEqual([200, 'id\n1\n']);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '5',
      'content-disposition': `attachment; filename="? \\"1\\".csv"; filename*=UTF-8''%E2%82%AC%20%221%22.csv`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
  }
  const audited = await server.server.services.db
    .selectFrom('audit_events')
    .select(['action', 'changes'])
    .where('entity_id', '=', run)
    .where('action', '=', 'run_file_show')
    .execute();
  expect(audited[0]).toEqual({
    action: 'run_file_show',
    changes: [{ path: 'file', from: null, to: 'exchange/deep/er/€ "1".csv' }],
  });
  expect((await get(`/runs/${run}/files/exchange/same`)).text).toBe('b');
  const client = server.client(user);
  const file = await client.runFileShow({ runId: run, store: 'exchange', path: 'deep/er/€ "1".csv' });
  expect(await file.text()).toBe('id\n1\n');
});

test.each([
  'exchange/none.csv',
  'exchange/deep',
  'exchange/out/passwd',
  'exchange/..%2flog.ndjson',
  'exchange/a%00b',
  'exchange/%5c',
  'bucket/deep-b.csv',
  'state/checkpoints.json',
])('%s is not found', async (path) => {
  const answer = await get(`/runs/${run}/files/${path}`);
  expect([answer.status, answer.body]).toEqual([404, { message: 'File not found.' }]);
});

test('files need the run, and the right to read its site; a run that lives has left nothing', async () => {
  const { db, storage } = server.server.services;
  const stranger = await server.makeUser();
  for (const part of ['', '/exchange/deep-b.csv']) {
    const foreign = await get(`/runs/${run}/files${part}`, stranger);
    expect([foreign.status, foreign.body]).toEqual([403, { message: 'Access denied for user.' }]);
    const unknown = await get(`/runs/${randomUUID()}/files${part}`);
    expect([unknown.status, unknown.body]).toEqual([404, { message: 'Run not found.' }]);
  }
  await db.updateTable('connector_versions').set({ dev_site: null }).where('dev_site', '=', site).execute();
  expect((await get(`/runs/${run}/files`)).body.metadata.total).toBe(4);
  expect((await get(`/runs/${run}/files/exchange/deep-b.csv`)).status).toBe(403);
  await grant(server, user, 'site', site, 'read');
  expect((await get(`/runs/${run}/files/exchange/deep-b.csv`)).status).toBe(200);

  await db.updateTable('runs').set({ state: 'running' }).where('id', '=', run).execute();
  expect((await get(`/runs/${run}/files`)).body.data).toEqual([]);
  expect((await get(`/runs/${run}/files/exchange/deep-b.csv`)).status).toBe(404);
  await db.updateTable('runs').set({ state: 'finished' }).where('id', '=', run).execute();
  // Somebody swapped a folder for a link since it was listed.
  const root = join(await storage.folder('runs', run), 'exchange');
  await mkdir(join(root, 'real'));
  await writeFile(join(root, 'real', 'x'), 'x');
  await symlink('../../..', join(root, 'up'));
  expect((await get(`/runs/${run}/files/exchange/up/keys`)).status).toBe(404);
});
