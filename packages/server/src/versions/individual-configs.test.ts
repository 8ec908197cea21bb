import { beforeAll, describe, expect, test } from 'vitest';
import { configured, makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  user = await server.makeUser();
});

const call = (method: string, id: string, path = '', body?: unknown) =>
  server.request(method, `/connectors/${id}/versions/1/individual-configs${path}`, {
    token: user.token,
    body,
  });
const add = (id: string, body: object) => call('POST', id, '', body);
const list = async (id: string) => (await call('GET', id)).body.data;
const field = { 'command-option': 'host', 'field-type': 'input', 'field-name': 'Host' };

describe('what is refused', () => {
  const options = (entries: object) => JSON.stringify(entries);
  test.each<[object, object]>([
    [
      {},
      {
        'command-option': 'This value should not be blank.',
        'field-type': 'This value should not be blank.',
        'field-name': 'This value should not be blank.',
      },
    ],
    [
      { ...field, 'command-option': '1host' },
      {
        'command-option':
          'This value should start with a letter and may contain letters, digits, dashes and underscores.',
      },
    ],
    [
      { ...field, 'command-option': 'x'.repeat(65) },
      { 'command-option': 'This value is too long. It should have 64 characters or less.' },
    ],
    ...[
      'PATH',
      'path',
      'pup-auth-x',
      'slipway-run',
      'LD_PRELOAD',
      'http-proxy',
      'order',
      'authentication_select',
    ].map((name): [object, object] => [
      { ...field, 'command-option': name },
      { 'command-option': 'This name is reserved.' },
    ]),
    [{ ...field, 'field-type': 'date' }, { 'field-type': 'The value you selected is not a valid choice.' }],
    [
      { ...field, 'field-type': 'authentication_select' },
      { 'field-type': 'The value you selected is not a valid choice.' },
    ],
    [
      { ...field, 'field-type': 'stage_columns_dropdown' },
      { 'field-type': 'This field type is not available for connectors of type datasource.' },
    ],
    [{ ...field, 'field-required': 'yes' }, { 'field-required': 'This value does not have valid boolean.' }],
    [
      { ...field, 'field-type': 'checkbox', 'field-default-value': 'on' },
      { 'field-default-value': 'This value should be 0 or 1.' },
    ],
    [
      { ...field, 'field-type': 'password', 'field-default-value': 'x' },
      { 'field-default-value': 'A password can not have a default value.' },
    ],
    [
      { ...field, 'field-type': 'select', 'field-config': options({ a: 'A' }), 'field-default-value': 'b' },
      { 'field-default-value': 'This value should be one of the options.' },
    ],
    [
      {
        ...field,
        'field-type': 'select_multiple',
        'field-config': options({ a: 'A', b: 'B' }),
        'field-default-value': 'a,c',
      },
      { 'field-default-value': 'This value should be one of the options.' },
    ],
    ...[undefined, null, 'x', '[]', '{}', '{"a":1}'].map((config): [object, object] => [
      { ...field, 'field-type': 'select', 'field-config': config },
      { 'field-config': 'This value should be a JSON object with at least one option.' },
    ]),
    [
      { ...field, 'field-type': 'select_multiple', 'field-config': options({ 'a,b': 'A' }) },
      { 'field-config': 'The values of a multiple selection can not contain a comma.' },
    ],
    [
      {
        ...field,
        'field-type': 'select',
        'field-config': options(
          Object.fromEntries(Array.from({ length: 1001 }, (_value, n) => [`o${n}`, 'x'])),
        ),
      },
      { 'field-config': 'A field can have at most 1000 options.' },
    ],
    [{ ...field, order: 0 }, { order: 'This value should be greater than 0.' }],
    [{ ...field, order: 'first' }, { order: 'This value does not have valid integer.' }],
    [{ ...field, colour: 'red' }, { colour: 'This field was not expected.' }],
  ])('%j', async (body, errors) => {
    const { id } = await makeConnector(server, user);
    const answer = await add(id, body);
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  });

  test('a name that gives the same environment variable as another', async () => {
    const { id } = await makeConnector(server, user);
    await add(id, { ...field, 'command-option': 'api-url' });
    for (const name of ['api-url', 'api_url', 'API-Url']) {
      expect((await add(id, { ...field, 'command-option': name })).body.errors).toEqual({
        'command-option': 'This value is already used.',
      });
    }
  });

  test('more than 100 fields', async () => {
    const { id, versionId } = await makeConnector(server, user);
    await server.server.services.db
      .insertInto('individual_configs')
      .values(
        Array.from({ length: 100 }, (_value, index) => ({
          version_id: versionId,
          command_option: `f${index}`,
          field_type: 'input',
          field_name: 'F',
          order: index + 1,
        })),
      )
      .execute();
    expect((await add(id, field)).body.errors).toEqual({
      'command-option': 'A version can have at most 100 individual configurations.',
    });
  });
});

test('is added last, changed, renamed, reordered and removed', async () => {
  const { id } = await makeConnector(server, user);
  expect((await add(id, field)).body).toEqual({ message: 'Individual configuration added.' });
  await add(id, { ...field, 'command-option': 'port', 'field-default-value': '  443 ', order: 7 });
  await add(id, { ...field, 'command-option': 'account' });
  expect((await list(id)).map((row: Record<string, unknown>) => [row['command-option'], row.order])).toEqual([
    ['host', 1],
    ['port', 7],
    ['account', 8],
  ]);
  expect((await list(id))[1]).toMatchObject({ 'field-default-value': '  443 ', 'field-required': false });

  const renamed = await call('PUT', id, '/port', {
    'command-option': 'port-number',
    'field-type': 'input',
    'field-name': 'Port',
  });
  expect(renamed.body).toEqual({ message: 'Individual configuration updated.' });
  expect((await list(id))[1]).toMatchObject({
    'command-option': 'port-number',
    'field-default-value': null,
    order: 7,
  });

  expect((await call('PUT', id, '/order', { order: ['account', 'host'] })).body.errors).toEqual({
    order: 'This value should list every command option exactly once.',
  });
  expect((await call('PUT', id, '/order', { order: ['account', 'host', 'port-number'] })).body).toEqual({
    message: 'Individual configurations reordered.',
  });
  expect((await list(id)).map((row: Record<string, unknown>) => row.order)).toEqual([1, 2, 3]);

  expect((await call('DELETE', id, '/host')).body).toEqual({ message: 'Individual configuration removed.' });
  for (const method of ['PUT', 'DELETE']) {
    const gone = await call(method, id, '/host', method === 'PUT' ? field : undefined);
    expect([gone.status, gone.body]).toEqual([404, { message: 'Individual configuration not found.' }]);
  }
});

test('the field for choosing an authentication comes and goes by itself', async () => {
  const { db } = server.server.services;
  await db.insertInto('authentications').values({ id: 7, name: 'P', kind: 'fields', fields: '[]' }).execute();
  const { id } = await makeConnector(server, user);
  await add(id, field);
  const register = (ids: number[]) =>
    server.request('PUT', `/connectors/${id}/versions/1/authentication-registrations`, {
      token: user.token,
      body: {
        'authentication-registrations': ids,
        'authentication-registrations-additional-fields': ['pup-auth-a', 'a'],
      },
    });
  expect((await register([7, 7])).body).toEqual({
    message: 'Authentication registration successfully updated.',
  });
  const made = (await list(id))[1];
  expect(made).toMatchObject({
    'command-option': 'authentication_select',
    'field-type': 'authentication_select',
    'field-name': '',
    'field-required': false,
    order: 2,
  });
  const config = (await server.request('GET', `/connectors/${id}/versions/1`, { token: user.token })).body
    .data.config;
  expect(config['authentication-registrations']).toEqual([7]);
  expect(config['authentication-registrations-additional-fields']).toEqual(['pup-auth-a']);

  expect((await call('DELETE', id, '/authentication_select')).body).toEqual({
    message: 'This individual configuration is made by the server.',
    errors: [],
  });
  expect(
    (await call('PUT', id, '/authentication_select', { 'field-type': 'input', 'field-name': 'x' })).body
      .errors,
  ).toEqual({
    'field-type': 'This field was not expected.',
  });
  await call('PUT', id, '/authentication_select', { 'field-name': 'Account', 'field-required': true });
  expect((await list(id))[1]).toMatchObject({ 'field-name': 'Account', 'field-required': true, order: 2 });
  await register([]);
  expect(await list(id)).toHaveLength(1);
});

describe('states', () => {
  test.each(['created', 'updating', 'updated', 'built', 'synchronized-to-dev', 'synchronized-to-prod'])(
    'a change in %s leads to updated when both steps are done, else to updating',
    async (state) => {
      for (const [progress, expected] of [
        [configured.update_progress, 'updated'],
        [['vcs-config'], 'updating'],
      ] as const) {
        const { id, versionId } = await makeConnector(server, user, {
          version: { state, update_progress: [...progress] },
        });
        expect((await add(id, field)).status).toBe(201);
        const row = await server.server.services.db
          .selectFrom('connector_versions')
          .select('state')
          .where('id', '=', versionId)
          .executeTakeFirstOrThrow();
        expect(row.state).toBe(expected);
      }
    },
  );

  test('in flight and in production it is refused, after the fields', async () => {
    const { id } = await makeConnector(server, user, { version: { state: 'building' } });
    expect((await add(id, field)).body).toEqual({
      message: 'Transition is not allowed, entity is building.',
      errors: [],
    });
    expect((await add(id, {})).body.message).toBe('Bad request.');
    expect(await list(id)).toEqual([]);
    const live = await makeConnector(server, user, {
      version: { state: 'synchronized-to-prod', released: true },
    });
    expect((await add(live.id, field)).body).toEqual({
      message: 'The version is in use in production; create a new version to change it.',
      errors: [],
    });
  });

  test('while the connector migrates the fields of all versions are frozen', async () => {
    const { id } = await makeConnector(server, user, { version: { legacy_executable: 24 } });
    await add(id, field);
    await server.server.services.db
      .updateTable('connectors')
      .set({ flow: 'migration' })
      .where('id', '=', id)
      .execute();
    const frozen = {
      message: 'Individual configurations are frozen while the connector migrates.',
      errors: [],
    };
    expect((await add(id, { ...field, 'command-option': 'other' })).body).toEqual(frozen);
    const change = async (method: string, path: string, body?: object) => {
      const address = `/connectors/${id}/versions/1/individual-configs/${path}`;
      return (await server.request(method, address, { token: user.token, body })).body;
    };
    const option = field['command-option'];
    expect(await change('PUT', option, field)).toEqual(frozen);
    expect(await change('PUT', 'order', { order: [option] })).toEqual(frozen);
    expect(await change('DELETE', option)).toEqual(frozen);
  });
});

test('two writers at once both come through, each with a number of its own', async () => {
  const { id } = await makeConnector(server, user);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_value, index) => add(id, { ...field, 'command-option': `f${index}` })),
  );
  expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(201));
  const orders = (await list(id)).map((row: Record<string, unknown>) => row.order);
  expect(orders).toEqual(Array.from({ length: 12 }, (_value, index) => index + 1));
});
