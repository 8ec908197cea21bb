import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { smallDisk } from '../../../records/test/small-disk.ts';
import { buildScript, deploy, endOfProcess, localRepositories } from '../../test/support/deployed.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

/** The disk of the data sets, or of the runs, fills up: the process says so, the site stays as it was, the next one works. */

let server: TestServer;
let user: TestUser;
let digest: string;

/** Writes rows that no compression makes small, or few where the disk of the runs is meant. */
const script = `
const { randomBytes } = require('node:crypto');
(async () => {
  for (let call = 0; call < 20; call++) {
    const data = Array.from({ length: 100 }, (_row, id) => ({ id: call * 100 + id, text: randomBytes(1000).toString('base64') }));
    const answer = await fetch(process.env.CONTAINER_API_URL + '/output/output', { method: 'POST', body: JSON.stringify({ data }) });
    await answer.text();
  }
})();
`;

beforeAll(async () => {
  server = await startTestServer(localRepositories);
  user = await server.makeUser();
  digest = await buildScript(server, script);
});

const get = async (path: string) => (await server.request('GET', path, { token: user.token })).body;

async function importSite(site: number) {
  const answer = await server.request('POST', `/platform/sites/${site}/processes`, {
    token: user.token,
    body: { action: 'import' },
  });
  expect(answer.status, answer.text).toBe(202);
  return endOfProcess(server, user, site, answer.body.data.process_id);
}

test.for<[string, string, string]>([
  ['data-sets', 'merge', 'The merged rows could not be stored: the disk is full.'],
  ['runs', 'source', 'Data source Test connector failed: The output could not be stored.'],
])('of the %s', async ([folder, kind, reason], context) => {
  const { site, source } = await deploy(server, user, digest);
  const { db, storage } = server.server.services;
  // Otherwise the last good rows, which now lie below the small disk, would be merged.
  await db.updateTable('data_sources').set({ on_failure: 'fail' }).where('id', '=', source).execute();
  const first = await importSite(site);
  expect(first.status).toBe('success');
  const before = await get(`/platform/sites/${site}`);
  const path = await storage.folder(...(folder === 'runs' ? [folder] : [folder, String(site)]));
  expect(path).toContain(join(server.home, 'storage', folder));
  const disk = smallDisk(context, 16, path);
  await disk.fill(512 * 1024);
  const failed = await importSite(site);
  expect(failed).toMatchObject({ status: 'failed', 'taken-over': false, reason });
  expect(failed.steps.find((step: { status: string }) => step.status === 'failed')).toMatchObject({ kind });
  const after = await get(`/platform/sites/${site}`);
  expect(after.data).toEqual({ ...before.data, 'last-process': failed.id });
  await disk.free();
  expect(await importSite(site)).toMatchObject({ status: 'success', 'taken-over': true });
  expect((await get(`/platform/sites/${site}/data?limit=1`)).metadata.total).toBe(2000);
});
