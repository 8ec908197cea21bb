import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { buildScript, deploy, endOfRun, localRepositories } from '../../test/support/deployed.ts';
import { startTestServer } from '../../test/support/server.ts';
import { newId } from '../ids.ts';
import { configJson } from '../versions/representation.ts';

/** Takes a file out of the bucket, stores it, and stores it once more where a file is in the way. */
const script = `
const call = async (method, path, body) => {
  const text = body === undefined ? {} : { body: JSON.stringify(body) };
  const answer = await fetch(process.env.CONTAINER_API_URL + path, { method, ...text });
  if (answer.status !== 202) throw new Error(path + ' answered ' + answer.status);
};
await call('GET', '/buckets/exchange/download/in.csv');
await call('PUT', '/buckets/exchange/upload/out.csv', { source_file: '/in.csv' });
await call('POST', '/store/to-transport', { source_file: '/in.csv', remote_file: '/taken' });
for (let running = 1; running > 0; ) {
  const answer = await fetch(process.env.CONTAINER_API_URL + '/processes/pending');
  running = (await answer.json()).data.length;
}
await call('POST', '/store/to-transport', { source_file: '/in.csv', remote_file: '/taken/below' });
`;

test('files go between bucket and run; a run whose file could not be stored fails for the platform', async () => {
  const server = await startTestServer(localRepositories);
  const { db, storage } = server.server.services;
  const user = await server.makeUser();
  const connector = await deploy(server, user, await buildScript(server, script));
  const bucket = newId();
  await db.insertInto('buckets').values({ id: bucket, name: 'Exchange', owner_id: user.id }).execute();
  await db
    .insertInto('version_buckets')
    .values({ version_id: connector.versionId, environment: 'dev', bucket_id: bucket })
    .execute();
  // The link counts from the next synchronization on, which copies the configuration.
  await sql`UPDATE connector_versions v SET dev_config = ${configJson} WHERE v.id = ${connector.versionId}`.execute(
    db,
  );
  const files = await storage.folder('buckets', bucket);
  await writeFile(join(files, 'in.csv'), 'id\n1\n');
  const { body } = await server.request('POST', '/runs', {
    token: user.token,
    body: { connector: connector.id },
  });
  const id: string = body.data.run.uuid;
  await endOfRun(server, user, id);
  const run = await db
    .selectFrom('runs')
    .select(['state', 'failure'])
    .where('id', '=', id)
    .executeTakeFirst();
  expect(run).toEqual({
    state: 'failed',
    failure: {
      origin: 'platform',
      reason: expect.stringMatching(/^Process [-0-9a-f]{36} failed: a file or folder is in the way\.$/),
    },
  });
  expect(await readFile(join(files, 'out.csv'), 'utf8')).toBe('id\n1\n');
  const stored = join(await storage.folder('runs', id), 'transport', 'taken');
  expect(await readFile(stored, 'utf8')).toBe('id\n1\n');
});
