import { beforeAll, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { type DeployedConnector, deploy, grant } from '../../test/support/deployed.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';
import { newId } from '../ids.ts';

const digest = `sha256:${'0'.repeat(64)}`;
const fields = [
  { option: 'bucket', required: true },
  { option: 'region', type: 'select', config: '{"10":"Ten","2":"Two"}', required: true, default: '2' },
  { option: 'parts', type: 'select_multiple', config: '{"a":"A","b":"B"}' },
  { option: 'fast', type: 'checkbox' },
  { option: 'token', type: 'password', required: true },
];

let server: TestServer;
let user: TestUser;
let shop: DeployedConnector;

beforeAll(async () => {
  server = await startTestServer();
  user = await server.makeUser();
  shop = await deploy(server, user, digest, { name: 'Shop', fields });
});

const path = (connector: DeployedConnector) =>
  `/platform/sites/${connector.site}/data-sources/${connector.source}`;
const put = (body: unknown, connector = shop) =>
  server.request('PUT', path(connector), { token: user.token, body });
const valid = { bucket: 'main', token: 'geheim-1234' };
const form = (values: Record<string, string>, more: Record<string, unknown> = {}, connector = shop) => ({
  name: 'Shop',
  kind: 'connector',
  connector: { id: connector.id, version: 1, values },
  ...more,
});

test('an assigned connector is a main source named like it', async () => {
  const answer = await server.request('GET', `/platform/sites/${shop.site}/data-sources`, {
    token: user.token,
  });
  expect(Object.keys(answer.body.data[0])).toEqual([
    'id',
    'name',
    'kind',
    'role',
    'status',
    'order',
    'connector',
    'transform',
    'legacy-executable',
    'file',
    'export',
    'on-failure',
    'key-column',
    'match-column',
    'join',
    'prefix',
    'rows',
    'created-at',
    'updated-at',
  ]);
  expect(answer.body.data[0]).toMatchObject({
    id: shop.source,
    name: 'Shop',
    kind: 'connector',
    role: 'main',
    status: 'active',
    order: 1,
    connector: { id: shop.id, version: 1, credential: null, values: {} },
    'on-failure': 'keep',
    join: 'fill',
    rows: null,
  });
});

test('passwords are sealed, masked, and kept by ***', async () => {
  const { db, vault } = server.server.services;
  const answer = await put(form({ ...valid, region: '10', parts: 'b,a', fast: '1' }));
  expect([answer.status, answer.body.message]).toEqual([200, 'Data source updated.']);
  expect(answer.body.data.connector.values).toEqual({
    bucket: 'main',
    fast: '1',
    parts: 'b,a',
    region: '10',
    token: '***',
  });
  const sealed = async () =>
    (
      await db
        .selectFrom('form_values')
        .select('sealed')
        .where('command_option', '=', 'token')
        .where('data_source_id', '=', shop.source)
        .executeTakeFirstOrThrow()
    ).sealed as string;
  const before = await sealed();
  expect(await vault.open(db, before)).toBe('geheim-1234');
  expect((await put(form({ bucket: 'main', token: '***' }))).status).toBe(200);
  expect(await sealed()).toBe(before);
  expect((await put(form({ bucket: 'main', token: ' other secret ' }))).status).toBe(200);
  expect(await vault.open(db, await sealed())).toBe(' other secret ');
  const entries = await db.selectFrom('vault_entries').select('id').where('id', '=', before).execute();
  expect(entries).toEqual([]);
  const events = await db
    .selectFrom('audit_events')
    .select('changes')
    .where('action', '=', 'platform_data_source_update')
    .where('entity_id', '=', String(shop.source))
    .orderBy('id')
    .execute();
  expect(JSON.stringify(events)).not.toMatch(/geheim|other secret/);
  expect(JSON.stringify(events.at(-1))).toContain(
    '{"path":"connector.values.token","from":"***","to":"***"}',
  );
});

test.each([
  [{ name: '' }, { name: 'This value should not be blank.' }],
  [{ kind: 'file' }, { kind: 'The value you selected is not a valid choice.' }],
  [{ kind: 'table' }, { kind: 'The value you selected is not a valid choice.' }],
  [{ order: 0 }, { order: 'This value should be greater than 0.' }],
  [{ status: 'off' }, { status: 'The value you selected is not a valid choice.' }],
  [{ 'on-failure': 'stop' }, { 'on-failure': 'The value you selected is not a valid choice.' }],
  [{ join: 'left' }, { join: 'The value you selected is not a valid choice.' }],
  [{ 'key-column': 'id' }, { 'key-column': 'This field was not expected.' }],
  [{ connector: null }, { connector: 'This value should not be blank.' }],
  [
    { connector: { id: newId(), version: 1, values: {} } },
    { connector: 'Connector is not available for this site.' },
  ],
])('a source with %j is refused', async (more, errors) => {
  const answer = await put(form(valid, more));
  expect([answer.status, answer.body]).toEqual([400, { message: 'Bad request.', errors }]);
});

test.each([
  [{ token: 'x' }, { 'connector.values.bucket': 'This value should not be blank.' }],
  [{ ...valid, bucket: '' }, { 'connector.values.bucket': 'This value should not be blank.' }],
  [{ ...valid, nope: '1' }, { 'connector.values.nope': 'This field was not expected.' }],
  [{ ...valid, fast: 'yes' }, { 'connector.values.fast': 'This value should be 0 or 1.' }],
  [{ ...valid, region: '3' }, { 'connector.values.region': 'This value should be one of the options.' }],
  [{ ...valid, parts: 'a,c' }, { 'connector.values.parts': 'This value should be one of the options.' }],
])('the values %j are refused', async (values, errors) => {
  const answer = await put(form(values as Record<string, string>));
  expect([answer.status, answer.body]).toEqual([400, { message: 'Bad request.', errors }]);
});

test('a new source has the same rules', async () => {
  const create = async (connector: DeployedConnector, more: object) => {
    const answer = await server.request('POST', `/platform/sites/${connector.site}/data-sources`, {
      token: user.token,
      body: { name: 'New', kind: 'connector', connector: { id: connector.id, version: 1, ...more } },
    });
    expect([answer.status, answer.body.message]).toEqual([400, 'Bad request.']);
    return answer.body.errors;
  };
  expect(await create(shop, { values: { ...valid, fast: 'yes', region: '3' } })).toEqual({
    'connector.values.fast': 'This value should be 0 or 1.',
    'connector.values.region': 'This value should be one of the options.',
  });
  const other = await deploy(server, user, digest, {
    fields: [{ option: 'authentication_select', type: 'authentication_select', required: true }],
  });
  expect(await create(other, {})).toEqual({ 'connector.credential': 'This value should not be blank.' });
  expect(await create(other, { credential: 5 })).toEqual({ 'connector.credential': 'Credential not found.' });
});

test('*** fills no password that was never stored', async () => {
  const other = await deploy(server, user, digest, { name: 'Other', fields });
  const answer = await put(form({ bucket: 'b', token: '***' }, {}, other), other);
  expect(answer.body.errors).toEqual({ 'connector.values.token': 'This value should not be blank.' });
});

test('a credential is asked for when the form requires one, and none exists yet', async () => {
  const other = await deploy(server, user, digest, {
    fields: [{ option: 'authentication_select', type: 'authentication_select', required: true }],
  });
  const answer = await put(form({}, {}, other), other);
  expect(answer.body.errors).toEqual({ 'connector.credential': 'This value should not be blank.' });
  const named = await put(
    form({}, { connector: { id: other.id, version: 1, credential: 5, values: {} } }, other),
    other,
  );
  expect(named.body.errors).toEqual({ 'connector.credential': 'Credential not found.' });
});

test('names are unique on a site; other types are named in the refusal', async () => {
  const { db } = server.server.services;
  await db
    .insertInto('data_sources')
    .values({ site_id: shop.site, name: 'Taken', kind: 'connector', order: 9 })
    .execute();
  expect((await put(form(valid, { name: 'Taken' }))).body.errors).toEqual({
    name: 'This value is already used.',
  });
  const exporter = await deploy(server, user, digest, { type: 'export' });
  await db
    .updateTable('connector_versions')
    .set({ dev_site: shop.site })
    .where('id', '=', exporter.versionId)
    .execute();
  const wrong = await put(form({}, { connector: { id: exporter.id, version: 1, values: {} } }));
  expect(wrong.body.errors).toEqual({
    connector: 'This operation is not available for connectors of type export.',
  });
});

test('a released version may be used, one that is not may not', async () => {
  const { db } = server.server.services;
  const other = await makeConnector(server, user, {
    version: {
      prod_config: '{"individuals":[]}',
      prod_limits: '{}',
      prod_digest: digest,
      prod_version: '1.0.0',
      released: false,
    },
  });
  const use = () => put(form({}, { connector: { id: other.id, version: 1, values: {} } }));
  expect((await use()).body.errors).toEqual({ connector: 'Connector is not available for this site.' });
  await db
    .updateTable('connector_versions')
    .set({ released: true })
    .where('id', '=', other.versionId)
    .execute();
  expect((await use()).status).toBe(200);
  // Going back finds the values of before.
  await db
    .updateTable('connector_versions')
    .set({ released: false })
    .where('id', '=', other.versionId)
    .execute();
  expect((await use()).status).toBe(200);
  const back = await put(form({ bucket: 'main', token: '***' }));
  expect([back.status, back.body.data.connector.values.token]).toEqual([200, '***']);
});

test('sources that are not of the site are not found', async () => {
  const other = await deploy(server, user, digest);
  const foreign = `/platform/sites/${shop.site}/data-sources/${other.source}`;
  for (const method of ['GET', 'PUT']) {
    const body = method === 'PUT' ? form(valid) : undefined;
    const answer = await server.request(method, foreign, { token: user.token, body });
    expect([answer.status, answer.body]).toEqual([404, { message: 'Data source not found.' }]);
  }
  const reader = await server.makeUser();
  await grant(server, reader, 'site', shop.site, 'read');
  expect((await server.request('PUT', path(shop), { token: reader.token, body: form(valid) })).status).toBe(
    403,
  );
});

test('the bin pauses what runs, and gives back only what it paused', async () => {
  const { db, platform } = server.server.services;
  const other = await deploy(server, user, digest);
  const status = async () =>
    (await server.request('GET', path(other), { token: user.token })).body.data.status;
  const bin = (binned: boolean) =>
    db.transaction().execute((work) => platform.setBinned(work, other.id, binned));
  await bin(true);
  expect(await status()).toBe('paused');
  await bin(false);
  expect(await status()).toBe('active');
  await put(form({}, { status: 'paused' }, other), other);
  await bin(true);
  await bin(false);
  expect(await status()).toBe('paused');
});

test('a source is made on a site that may use the connector, and removed with its values', async () => {
  const { db } = server.server.services;
  const dev = await deploy(server, user, digest, { name: 'Extra', fields });
  const list = `/platform/sites/${dev.site}/data-sources`;
  const send = (body: unknown) => server.request('POST', list, { token: user.token, body });
  const made = await send({ ...form(valid, {}, dev), name: 'Second', order: null });
  expect([made.status, made.body.message, made.body.resource]).toEqual([
    201,
    'Data source created.',
    'data-source',
  ]);
  expect(made.body.data).toMatchObject({
    name: 'Second',
    kind: 'connector',
    role: 'main',
    status: 'active',
    order: 2,
    connector: { id: dev.id, version: 1, credential: null, values: { bucket: 'main', token: '***' } },
    'legacy-executable': null,
    'on-failure': 'keep',
    join: 'fill',
  });
  const wrong = await send({ ...form({}, { kind: 'file' }, dev), name: 'Second', connector: null });
  expect(wrong.body.errors).toEqual({
    name: 'This value is already used.',
    kind: 'The value you selected is not a valid choice.',
  });
  const unfilled = await send({ ...form({ more: 'x' }, {}, dev), name: 'Third' });
  expect(unfilled.body.errors).toEqual({
    'connector.values.more': 'This field was not expected.',
    'connector.values.bucket': 'This value should not be blank.',
    'connector.values.token': 'This value should not be blank.',
  });
  const chain = await send({ ...form(valid, { kind: 'chain' }, dev), name: 'Third' });
  expect(chain.body.errors).toEqual({
    connector: 'This operation is not available for connectors of type datasource.',
  });
  const elsewhere = await server.request('POST', `/platform/sites/${shop.site}/data-sources`, {
    token: user.token,
    body: { ...form(valid, {}, dev), name: 'Third' },
  });
  expect(elsewhere.body.errors).toEqual({ connector: 'Connector is not available for this site.' });

  const values = () =>
    db.selectFrom('form_values').select('sealed').where('data_source_id', '=', made.body.data.id).execute();
  const sealed = (await values()).flatMap((row) => row.sealed ?? []);
  expect(sealed).toHaveLength(1);
  const address = `${list}/${made.body.data.id}`;
  const removed = await server.request('DELETE', address, { token: user.token });
  expect([removed.status, removed.text]).toEqual([204, '']);
  expect(await values()).toEqual([]);
  expect(await db.selectFrom('vault_entries').select('id').where('id', 'in', sealed).execute()).toEqual([]);
  const again = await server.request('DELETE', address, { token: user.token });
  expect([again.status, again.body]).toEqual([404, { message: 'Data source not found.' }]);
});

test('several sources at once get names and places of their own', async () => {
  const dev = await deploy(server, user, digest, { name: 'Many', fields });
  const answers = await Promise.all(
    Array.from({ length: 6 }, (_, index) =>
      server.request('POST', `/platform/sites/${dev.site}/data-sources`, {
        token: user.token,
        body: { ...form(valid, {}, dev), name: `Source ${index % 3}` },
      }),
    ),
  );
  expect(answers.map(({ status }) => status).sort()).toEqual([201, 201, 201, 400, 400, 400]);
  const orders = answers.flatMap(({ body }) => body.data?.order ?? []);
  expect(orders.sort()).toEqual([2, 3, 4]);
});
