import { mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestUser } from '../../test/support/server.ts';
import { badRequest, inFlightStates, transitionRefused } from '../../test/support/version-calls.ts';
import { newId } from '../ids.ts';

const server = await startTestServer();
const { storage, db } = server.server.services;

async function call(who: TestUser, method: string, path: string, body?: object) {
  const answer = await server.request(method, path, { token: who.token, ...(body ? { body } : {}) });
  return [answer.status, answer.body] as const;
}
async function makeBucket(who: TestUser, name = 'Exchange'): Promise<string> {
  const [status, body] = await call(who, 'POST', '/buckets', { name });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return body.data.id;
}
async function putFile(bucket: string, path: string, content: string): Promise<void> {
  const file = join(await storage.folder('buckets', bucket), path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
  await utimes(file, 1_700_000_000, 1_700_000_000);
}
const notFound = [404, { message: 'Bucket not found.' }];

test('a bucket belongs to the organization joined first, and is found by its name', async () => {
  const organization = await server.makeOrganization();
  const member = await server.makeUser({ organizations: [organization] });
  const fellow = await server.makeUser({ organizations: [organization] });
  const [status, body] = await call(member, 'POST', '/buckets', { name: ' Price lists ' });
  expect([status, body.message, body.resource]).toEqual([201, 'Bucket created.', 'bucket']);
  expect(Object.keys(body.data)).toEqual([
    'id',
    'name',
    'owner',
    'files',
    'size-bytes',
    'links',
    'created-at',
    'updated-at',
  ]);
  expect(body.data).toMatchObject({
    name: 'Price lists',
    owner: organization,
    files: 0,
    'size-bytes': 0,
    links: [],
  });
  await makeBucket(member, 'Other');
  const [, found] = await call(fellow, 'GET', '/buckets?name=PRICE');
  expect(found.data.map(({ name }: { name: string }) => name)).toEqual(['Price lists']);
  const [, page] = await call(fellow, 'GET', '/buckets?limit=1');
  expect(page.metadata).toMatchObject({ count: 1, total: 2 });
  expect((await call(fellow, 'GET', page.metadata.next))[1].data[0].name).toBe('Price lists');
  expect((await call(await server.makeUser(), 'GET', '/buckets'))[1].data).toEqual([]);
});

test('names are checked, and unique for their owner', async () => {
  const user = await server.makeUser();
  await makeBucket(user);
  expect(await call(user, 'POST', '/buckets', { name: 'Exchange' })).toEqual(
    badRequest({ name: 'This value is already used.' }),
  );
  await makeBucket(await server.makeUser());
  for (const name of ['-a', 'a/b', 'ä']) {
    expect(await call(user, 'POST', '/buckets', { name })).toEqual(
      badRequest({ name: 'Bucket name can contain only letters, numbers, dash, underscore and spaces.' }),
    );
  }
  expect(await call(user, 'POST', '/buckets', {})).toEqual(
    badRequest({ name: 'This value should not be blank.' }),
  );
  expect(await call(user, 'POST', '/buckets', { name: 'a'.repeat(101), owner: 'x' })).toEqual(
    badRequest({
      name: 'This value is too long. It should have 100 characters or less.',
      owner: 'This is not a valid UUID.',
    }),
  );
  expect(await call(user, 'POST', '/buckets', { name: 'b', owner: await server.makeOrganization() })).toEqual(
    badRequest({ owner: 'You are not a member of this organization.' }),
  );
});

test('files are listed by path, by prefix and by page', async () => {
  const user = await server.makeUser();
  const bucket = await makeBucket(user);
  const paths = ['a-b.txt', 'a.txt', 'a/b.txt', 'a/c/d.txt', 'b ü.txt', 'zz/y.txt'];
  for (const path of [...paths].reverse()) await putFile(bucket, path, path);
  await symlink('/etc/passwd', join(await storage.folder('buckets', bucket), 'link'));
  const list = async (query = '') => (await call(user, 'GET', `/buckets/${bucket}/files${query}`))[1];
  const all = await list();
  expect(all).toMatchObject({ resource: 'bucket-file' });
  expect(all.data.map(({ path }: { path: string }) => path)).toEqual(paths);
  expect(JSON.parse(JSON.stringify(all.data[0]))).toEqual({
    path: 'a-b.txt',
    'size-bytes': 7,
    'updated-at': '2023-11-14T22:13:20+00:00',
  });
  expect((await list('?prefix=a/')).data.map(({ path }: { path: string }) => path)).toEqual([
    'a/b.txt',
    'a/c/d.txt',
  ]);
  expect((await list('?prefix=a/c')).metadata.total).toBe(1);
  expect((await list('?prefix=..')).data).toEqual([]);
  expect((await list('?from=4')).data.map(({ path }: { path: string }) => path)).toEqual(paths.slice(4));
  const seen: string[] = [];
  let next: string | null = `/buckets/${bucket}/files?limit=2&prefix=`;
  while (next) {
    const [, page] = await call(user, 'GET', next);
    expect(page.metadata).toMatchObject({ from: seen.length, total: paths.length });
    seen.push(...page.data.map(({ path }: { path: string }) => path));
    next = page.metadata.next;
  }
  expect(seen).toEqual(paths);
  expect(await call(user, 'GET', `/buckets/${bucket}/files?after=x`)).toEqual(
    badRequest({ after: 'This value is not valid.' }),
  );
  const [, shown] = await call(user, 'GET', `/buckets/${bucket}`);
  expect(shown.data).toMatchObject({ files: 6, 'size-bytes': paths.join('').length + 1 });
});

test('a foreign bucket is not there', async () => {
  const bucket = await makeBucket(await server.makeUser());
  const foreign = await server.makeUser();
  for (const [method, path] of [
    ['GET', ''],
    ['GET', '/files'],
    ['DELETE', ''],
  ] as const) {
    expect(await call(foreign, method, `/buckets/${bucket}${path}`)).toEqual(notFound);
    expect(await call(foreign, method, `/buckets/${newId()}${path}`)).toEqual(notFound);
  }
});

test('one bucket of the owner is linked for each environment', async () => {
  const user = await server.makeUser();
  const connector = await makeConnector(server, user);
  const bucket = await makeBucket(user);
  const path = `/connectors/${connector.id}/versions/1/buckets`;
  const link = (body: object) => call(user, 'POST', path, body);
  const good = { 'bucket-id': bucket, type: 'free', environment: 'dev' };
  const blank = 'This value should not be blank.';
  expect(await link({})).toEqual(badRequest({ 'bucket-id': blank, type: blank, environment: blank }));
  expect(await link({ 'bucket-id': 'x', type: 'paid', environment: 'test' })).toEqual(
    badRequest({
      'bucket-id': 'This is not a valid UUID.',
      type: 'Invalid type. Valid choices are {`free`}.',
      environment: 'Invalid environment. Valid choices are {`dev`, `prod`}.',
    }),
  );
  expect(await link({ ...good, 'bucket-id': newId() })).toEqual(notFound);
  expect(await link({ ...good, 'bucket-id': await makeBucket(await server.makeUser()) })).toEqual(notFound);
  expect(await link(good)).toEqual([201, { message: 'Bucket has been added.' }]);
  expect(await link({ ...good, 'bucket-id': await makeBucket(user, 'Second') })).toEqual(
    badRequest({ environment: 'A bucket is already linked for this environment.' }),
  );
  const [, shown] = await call(user, 'GET', `/connectors/${connector.id}/versions/1`);
  expect(shown.data.config.buckets).toEqual([{ 'bucket-id': bucket, type: 'free', environment: 'dev' }]);
  expect(shown.data.state).toBe('updating');
  expect((await call(user, 'GET', `/buckets/${bucket}`))[1].data.links).toEqual([
    { connector: connector.id, version: 1, type: 'free', environment: 'dev' },
  ]);
  expect(await call(user, 'DELETE', `/buckets/${bucket}`)).toEqual([
    400,
    { message: 'Bucket is linked to a connector.', errors: [] },
  ]);
  expect(await call(user, 'DELETE', `${path}/${bucket}/test`)).toEqual(
    badRequest({ environment: 'Invalid environment. Valid choices are {`dev`, `prod`}.' }),
  );
  expect(await call(user, 'DELETE', `${path}/${bucket}/prod`)).toEqual(notFound);
  expect(await call(user, 'DELETE', `${path}/${bucket}/dev`)).toEqual([
    200,
    { message: 'Bucket has been removed.' },
  ]);
  expect(await call(user, 'DELETE', `${path}/${bucket}/dev`)).toEqual(notFound);
  await putFile(bucket, 'a', 'x');
  expect((await call(user, 'DELETE', `/buckets/${bucket}`))[0]).toBe(204);
  expect(await call(user, 'GET', `/buckets/${bucket}`)).toEqual(notFound);
  const actions = await db
    .selectFrom('audit_events')
    .select('action')
    .where('actor_id', '=', user.id)
    .orderBy('time')
    .execute();
  expect(actions.map(({ action }) => action)).toEqual(
    expect.arrayContaining([
      'bucket_create',
      'connector_bucket_create_link',
      'connector_bucket_remove_link',
      'bucket_delete',
    ]),
  );
});

test.each(inFlightStates)('links do not change while %s', async (state) => {
  const user = await server.makeUser();
  const connector = await makeConnector(server, user, { version: { state } });
  const bucket = await makeBucket(user);
  const path = `/connectors/${connector.id}/versions/1/buckets`;
  expect(await call(user, 'POST', path, { 'bucket-id': bucket, type: 'free', environment: 'prod' })).toEqual(
    transitionRefused(state),
  );
  await db
    .insertInto('version_buckets')
    .values({ version_id: connector.versionId, environment: 'dev', bucket_id: bucket })
    .execute();
  expect(await call(user, 'DELETE', `${path}/${bucket}/dev`)).toEqual(transitionRefused(state));
  await db
    .updateTable('connector_versions')
    .set({ state: 'built', released: true })
    .where('id', '=', connector.versionId)
    .execute();
  expect((await call(user, 'DELETE', `${path}/${bucket}/dev`))[1].message).toMatch(
    /^The version is in use in production/,
  );
});
