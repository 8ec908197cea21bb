import { describe, expect, test } from 'vitest';
import { makeConnector } from '../../test/support/connectors.ts';
import { makeChannel } from '../../test/support/platform.ts';
import { startTestServer } from '../../test/support/server.ts';

const server = await startTestServer();
const { db } = server.server.services;
const organization = await server.makeOrganization({ limit: 100 });
const member = await server.makeUser({ organizations: [organization] });
const admin = await server.makeUser({ role: 'admin' });

const call = async (method: string, path: string, body?: object, who = member) => {
  const answer = await server.request(method, path, { token: who.token, ...(body ? { body } : {}) });
  return [answer.status, answer.body] as const;
};
const badRequest = (errors: object) => [400, { message: 'Bad request.', errors }];

describe('channels', () => {
  const create = (body: object, who = member) => call('POST', '/platform/channels', body, who);

  test('are made with defaults, owned as connectors are', async () => {
    const [status, body] = await create({ name: 'Market', fields: [{ name: 'id' }] });
    expect([status, body.message, body.resource]).toEqual([201, 'Channel created.', 'channel']);
    expect(body.data).toEqual({
      id: expect.any(Number),
      name: 'Market',
      owner: organization,
      delta: false,
      fields: [
        {
          name: 'id',
          aliases: [],
          mandatory: false,
          unique: false,
          tracked: true,
          'delta-key': false,
          'delta-ignored': false,
          automap: true,
          description: null,
          format: null,
        },
      ],
      'file-names': { plain: null, new: null, modified: null, deleted: null, unchanged: null, skipped: null },
      'single-file': false,
      classifications: [],
      'created-at': expect.any(String),
      'updated-at': expect.any(String),
    });
    expect(Object.keys(body.data)).toEqual([
      'id',
      'name',
      'owner',
      'delta',
      'fields',
      'file-names',
      'single-file',
      'classifications',
      'created-at',
      'updated-at',
    ]);
    expect((await create({ name: 'Common' }, admin))[1].data.owner).toBeNull();
    const alone = await server.makeUser();
    expect((await create({ name: 'Own' }, alone))[1].data.owner).toBe(alone.id);
    expect(await create({ name: 'Theirs', owner: organization }, alone)).toEqual(
      badRequest({ owner: 'You are not a member of this organization.' }),
    );
    const [, shown] = await call('GET', `/platform/channels/${body.data.id}`);
    expect([shown.message, shown.resource, shown.data]).toEqual([
      'successful operation',
      'channel',
      body.data,
    ]);
  });

  test('refuse what is wrong', async () => {
    expect(
      await create({
        fields: [{ name: 'a' }, { name: 'a', unique: 'x' }],
        'file-names': { plain: '../x', new: 'a/b.csv', deleted: '/x' },
        classifications: [
          { id: '1', path: 'a' },
          { id: '1', path: 'b' },
        ],
        more: 1,
      }),
    ).toEqual(
      badRequest({
        name: 'This value should not be blank.',
        'fields[1].unique': 'This value does not have valid boolean.',
        'fields[1].name': 'This value is already used.',
        'file-names.plain': 'This value is not a valid path.',
        'file-names.deleted': 'This value is not a valid path.',
        'classifications[1].id': 'This value is already used.',
        more: 'This field was not expected.',
      }),
    );
    const noKey = badRequest({ fields: 'A delta channel needs exactly one unique field as delta key.' });
    const key = { name: 'id', unique: true, 'delta-key': true };
    expect(await create({ name: 'D', delta: true })).toEqual(noKey);
    expect(await create({ name: 'D', delta: true, fields: [{ ...key, unique: false }] })).toEqual(noKey);
    expect(await create({ name: 'D', delta: true, fields: [key, { ...key, name: 'sku' }] })).toEqual(noKey);
    expect((await create({ name: 'D', delta: true, fields: [key] }))[0]).toBe(201);
  });

  test('are listed by id, by name and kind', async () => {
    const plain = await makeChannel(server);
    const delta = await makeChannel(server, { delta: true });
    const list = async (query: string) =>
      (await call('GET', `/platform/channels?limit=1000${query}`))[1].data.map(
        ({ id }: { id: number }) => id,
      );
    const all = await list('');
    expect(all).toEqual([...all].sort((a: number, b: number) => a - b));
    expect(all).toEqual(expect.arrayContaining([plain, delta]));
    expect(await list('&delta=true')).toContain(delta);
    expect(await list('&delta=true')).not.toContain(plain);
    expect(await list('&delta=false&name=CHAN')).toContain(plain);
    expect(await list('&name=nothing')).toEqual([]);
    expect(await call('GET', '/platform/channels?delta=1')).toEqual(
      badRequest({ delta: 'This value should be true or false.' }),
    );
  });

  test('are changed by their owner alone; kind and owner are fixed', async () => {
    const id = await makeChannel(server, { owner: organization, delta: true });
    const path = `/platform/channels/${id}`;
    const fields = [{ name: 'id', unique: true, 'delta-key': true }];
    expect(await call('PUT', path, { name: 'New', fields, delta: false })).toEqual(
      badRequest({ delta: 'This field was not expected.' }),
    );
    expect(await call('PUT', path, { name: 'New', fields, 'file-names': { plain: '../x' } })).toEqual(
      badRequest({ 'file-names.plain': 'This value is not a valid path.' }),
    );
    expect(await call('PUT', path, { name: 'New' })).toEqual(
      badRequest({ fields: 'A delta channel needs exactly one unique field as delta key.' }),
    );
    const [status, body] = await call('PUT', path, { name: 'New', fields });
    expect([status, body.message, body.data.name, body.data.delta]).toEqual([
      200,
      'Channel updated.',
      'New',
      true,
    ]);
    const viewer = await server.makeUser({ role: 'viewer', organizations: [organization] });
    const foreign = await server.makeUser();
    const denied = [403, { message: 'Access denied for user.' }];
    for (const who of [viewer, foreign]) {
      expect(await call('PUT', path, { name: 'New', fields }, who)).toEqual(denied);
      expect(await call('DELETE', path, undefined, who)).toEqual(denied);
    }
    expect(await call('POST', '/platform/channels', { name: 'x' }, viewer)).toEqual(denied);
    const common = await makeChannel(server);
    expect(await call('PUT', `/platform/channels/${common}`, { name: 'New' })).toEqual(denied);
    expect((await call('PUT', `/platform/channels/${common}`, { name: 'New' }, admin))[0]).toBe(200);
  });

  test('stay while a version exports to them', async () => {
    const id = await makeChannel(server, { owner: organization });
    const connector = await makeConnector(server, member, { type: 'export' });
    const channels = `/connectors/${connector.id}/versions/1/channels`;
    expect(await call('PUT', channels, { channels: [id] })).toEqual([
      200,
      { message: 'Successfully assigned channel.' },
    ]);
    const path = `/platform/channels/${id}`;
    expect(await call('DELETE', path)).toEqual([400, { message: 'Channel is in use.', errors: [] }]);
    await call('PUT', channels, { channels: [] });
    expect(await call('DELETE', path)).toEqual([204, undefined]);
    expect(await call('GET', path)).toEqual([404, { message: 'Channel not found.' }]);
  });
});

describe('connector_platform_assign_channel', () => {
  const assign = async (type: string, channels: unknown, version: object = {}) => {
    const connector = await makeConnector(server, member, { type, version: { patch: 0, ...version } });
    return call('PUT', `/connectors/${connector.id}/versions/1/channels`, { channels });
  };

  test('replaces the list and moves the state', async () => {
    const [one, two] = [await makeChannel(server), await makeChannel(server)];
    const connector = await makeConnector(server, member, { type: 'export' });
    const path = `/connectors/${connector.id}/versions/1`;
    await call('PUT', `${path}/channels`, { channels: [one] });
    await call('PUT', `${path}/channels`, { channels: [two, one, two] });
    const [, body] = await call('GET', path);
    expect(body.data.state).toBe('updating');
    expect(Object.keys(body.data.config.export)[0]).toBe('channels');
    expect(body.data.config.export.channels).toEqual([two, one]);
  });

  test('refuses in the order of its rules', async () => {
    const [plain, delta] = [await makeChannel(server), await makeChannel(server, { delta: true })];
    expect(await assign('export', 3)).toEqual(
      badRequest({ channels: 'This value does not have valid array.' }),
    );
    expect(await assign('export', undefined)).toEqual(
      badRequest({ channels: 'This value does not have valid array.' }),
    );
    expect(await assign('export', [0])).toEqual(
      badRequest({ channels: 'All values must be integers greater than 0.' }),
    );
    expect(await assign('datasource', [plain])).toEqual(
      badRequest({ connector: 'This operation is not available for connectors of type datasource.' }),
    );
    expect(await assign('export', [2_000_000_000, plain, 2_000_000_001])).toEqual(
      badRequest({ channels: "Channels don't exist: 2000000000,2000000001" }),
    );
    expect(await assign('export', [delta, plain])).toEqual(
      badRequest({ channels: `You can not assign delta channels to export Connector: ${delta}` }),
    );
    expect(await assign('export-delta', [delta, plain])).toEqual(
      badRequest({ channels: `You can not assign non-delta channels to export-delta Connector: ${plain}` }),
    );
    expect(await assign('export', [plain], { state: 'building' })).toEqual([
      400,
      { message: 'Transition is not allowed, entity is building.', errors: [] },
    ]);
    expect((await assign('export', [plain], { released: true }))[1].message).toBe(
      'The version is in use in production; create a new version to change it.',
    );
  });
});

describe('legacy executables', () => {
  const path = '/platform/legacy-executables';
  const whole = {
    name: 'Old feed',
    kind: 'source',
    image: 'registry.example.com:5000/old/feed:1',
    command: 'run',
  };

  test('are registered by admins, under free ids', async () => {
    const [status, body] = await call('POST', path, { ...whole, id: 500 }, admin);
    expect([status, body.message, body.resource]).toEqual([
      201,
      'Legacy executable created.',
      'legacy-executable',
    ]);
    expect(body.data).toEqual({
      id: 500,
      ...whole,
      'created-at': expect.any(String),
      'updated-at': expect.any(String),
    });
    expect(await call('POST', path, { ...whole, id: 500 }, admin)).toEqual(
      badRequest({ id: 'This value is already used.' }),
    );
    const several = await Promise.all([1, 2, 3].map(() => call('POST', path, whole, admin)));
    expect(several.map(([, { data }]) => data.id).sort()).toEqual([501, 502, 503]);
    expect(await call('POST', path, whole)).toEqual([403, { message: 'Access denied for user.' }]);
    expect(await call('POST', path, { id: 0, kind: 'x', image: 'No Image', command: '' }, admin)).toEqual(
      badRequest({
        id: 'This value should be greater than 0.',
        name: 'This value should not be blank.',
        kind: 'The value you selected is not a valid choice.',
        image: 'This value is not a valid image reference.',
        command: 'This value should not be blank.',
      }),
    );
  });

  test('are listed, and removed unless in use', async () => {
    const [, { data: made }] = await call(
      'POST',
      path,
      { ...whole, name: 'Sink', kind: 'destination' },
      admin,
    );
    const [, found] = await call('GET', `${path}?kind=destination&name=sink`);
    expect(found.data).toEqual([made]);
    expect(await call('GET', `${path}?kind=x`)).toEqual(
      badRequest({ kind: 'The value you selected is not a valid choice.' }),
    );
    const { versionId } = await makeConnector(server, member, { version: { legacy_executable: made.id } });
    const remove = () => call('DELETE', `${path}/${made.id}`, undefined, admin);
    expect(await remove()).toEqual([400, { message: 'Legacy executable is in use.', errors: [] }]);
    await db
      .updateTable('connector_versions')
      .set({ legacy_executable: null })
      .where('id', '=', versionId)
      .execute();
    expect(await remove()).toEqual([204, undefined]);
    expect(await remove()).toEqual([404, { message: 'Legacy executable not found.' }]);
  });
});
