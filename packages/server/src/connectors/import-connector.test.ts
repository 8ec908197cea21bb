import { beforeAll, describe, expect, test } from 'vitest';
import { configured, makeConnector } from '../../test/support/connectors.ts';
import { startTestServer, type TestServer, type TestUser } from '../../test/support/server.ts';

let server: TestServer;
let user: TestUser;

beforeAll(async () => {
  server = await startTestServer();
  user = await server.makeUser();
});

const copy = (body: unknown, as = user) =>
  server.request('POST', '/connectors/copy', { token: as.token, body });
const withConfig = (config: unknown, type = 'datasource') => ({ name: 'Shop', type, versions: [{ config }] });

describe('what is refused', () => {
  test.each([
    [
      {},
      {
        name: 'This value should not be blank.',
        type: 'This value should not be blank.',
        versions: 'This value should not be blank.',
      },
    ],
    [{ name: 'a', type: 'x', versions: [{}] }, { type: 'The value you selected is not a valid choice.' }],
    [{ name: 'a', type: 'export', versions: [] }, { versions: 'This value should not be blank.' }],
    [{ name: 'a', type: 'export', versions: 'all' }, { versions: 'This value should not be blank.' }],
    [
      { name: 'a', type: 'export', flow: 'x', versions: [{}] },
      { flow: 'The value you selected is not a valid choice.' },
    ],
    [
      withConfig({ execution: { 'execution-mode': 'x' } }),
      { executionMode: 'The value you selected is not a valid choice.' },
    ],
    [
      withConfig({ 'secret-registrations': [{ vault_secret: 'not/there' }, {}] }),
      {
        'secretRegistrations[0]': "Secret doesn't exist in the store.",
        'secretRegistrations[1]': "Secret doesn't exist in the store.",
      },
    ],
    [
      withConfig({ 'authentication-registrations': [98, 99] }),
      { authenticationRegistrations: "Authentications don't exist in the store: 98,99" },
    ],
    [
      withConfig({ 'authentication-registrations-additional-fields': ['ok', 'not ok'] }),
      { 'authenticationRegistrationsAdditionalFields[1]': 'This value is not valid.' },
    ],
    [
      withConfig({ application: { command: '', arguments: "it's" } }),
      {
        'application.command': 'This value should not be blank.',
        'application.arguments': 'This value has an unclosed quote.',
      },
    ],
    [withConfig({ vcs: { branch: 'main' } }), { 'vcs.url': 'This value should not be blank.' }],
    [
      withConfig({ vcs: { url: 'ext::sh -c id' } }),
      { 'vcs.url': 'This value is not a valid repository URL.' },
    ],
    [
      withConfig({ vcs: { url: 'https://user:secret@example.com/a.git' } }),
      { 'vcs.url': 'This value is not a valid repository URL.' },
    ],
    [
      withConfig({ individuals: [{ 'command-option': '1a', 'field-type': 'input' }] }),
      {
        'individuals[0].command-option':
          'This value should start with a letter and may contain letters, digits, dashes and underscores.',
        'individuals[0].field-name': 'This value should not be blank.',
      },
    ],
    [
      withConfig({
        individuals: [
          { 'command-option': 'api-url', 'field-type': 'input', 'field-name': 'A' },
          { 'command-option': 'api_url', 'field-type': 'input', 'field-name': 'B' },
        ],
      }),
      { 'individuals[1].command-option': 'This value is already used.' },
    ],
    [
      withConfig({ datasource: { categories: ['orders', 'shoes'] } }),
      { 'datasource.categories': 'The value you selected is not a valid choice.' },
    ],
  ])('%j', async (body, errors) => {
    const answer = await copy(body);
    expect(answer.status, answer.text).toBe(400);
    expect(answer.body).toEqual({ message: 'Bad request.', errors });
  });
});

test('the answer of connector_show, whole or its data alone, makes a copy', async () => {
  const original = await makeConnector(server, user, {
    name: 'Original',
    version: { ...configured, state: 'built' },
  });
  const shown = await server.request('GET', `/connectors/${original.id}`, { token: user.token });
  for (const body of [shown.body, shown.body.data]) {
    const answer = await copy(body);
    expect(answer.status, answer.text).toBe(201);
    expect(answer.body.data).toMatchObject({ name: 'Original - Copy', type: 'datasource', owner: user.id });
    expect(answer.body.data.id).not.toBe(original.id);
    expect(answer.body.data.versions).toHaveLength(1);
    expect(answer.body.data.versions[0]).toMatchObject({
      name: 'Original - Copy',
      version: '1.0.0',
      state: 'updated',
      config: {
        'update-progress': ['vcs-config', 'application-config'],
        vcs: { authorization: 'public', url: 'https://example.com/connector.git', 'latest-commit': null },
      },
    });
  }
});

test('credentials stay behind whatever was sent', async () => {
  const answer = await copy(
    withConfig({
      vcs: {
        authorization: 'basic',
        url: 'https://example.com/a.git',
        username: 'me',
        token: 'canary-token-4711',
        'latest-commit': 'a'.repeat(40),
      },
    }),
  );
  expect(answer.text).not.toContain('canary-token-4711');
  expect(answer.body.data.versions[0].config.vcs).toEqual({
    authorization: 'public',
    url: 'https://example.com/a.git',
    branch: 'main',
    username: null,
    'deploy-key-public': null,
    'latest-commit': null,
  });
  expect(answer.body.data.versions[0].state).toBe('updating');
});

test('of several versions the highest is taken, without numbers the last', async () => {
  const numbered = await copy({
    name: 'a',
    type: 'export',
    versions: [
      { version: '2.0.10', name: 'newest' },
      { version: '10.0.1', name: 'highest' },
      { version: '2.0.9', name: 'old' },
    ],
  });
  expect(numbered.body.data.versions[0].name).toBe('highest - Copy');
  const plain = await copy({ name: 'a', type: 'export', versions: [{ name: 'first' }, { name: 'last' }] });
  expect(plain.body.data.versions[0].name).toBe('last - Copy');
});

test('without configuration the copy is created, with any it is updating', async () => {
  const state = async (config: unknown) => (await copy(withConfig(config))).body.data.versions[0].state;
  expect(await state(undefined)).toBe('created');
  expect(await state({ application: { command: 'php' } })).toBe('updating');
  expect(await state({ 'feature-flags': ['beta'] })).toBe('updating');
});

test('type-specific settings are copied when valid, without channels', async () => {
  const exported = await copy(
    withConfig(
      {
        export: {
          channels: [1, 2],
          'feedback-file-enabled': true,
          'feedback-file-source-connection-column': 'sku',
        },
      },
      'export',
    ),
  );
  expect(exported.body.data.versions[0].config.export).toEqual({
    channels: [],
    'channel-config': [],
    'feedback-file-enabled': true,
    'feedback-file-source-connection-column': 'sku',
    'feedback-file-target-connection-column': null,
    'feedback-application-config': null,
  });
  const service = await copy(
    withConfig({ 'data-service': { stages: ['import'], 'column-prefix': '_1' } }, 'data-service'),
  );
  expect(service.body.data.versions[0].config['data-service']).toEqual({
    'column-prefix': null,
    'service-type': null,
    stages: [],
    'max-usage': null,
    'service-category': null,
    datasource: null,
  });
});

test('unknown keys are ignored at every depth', async () => {
  const answer = await copy({
    ...withConfig({ nothing: 1, application: { command: 'a', more: 2 } }),
    rest: true,
  });
  expect(answer.status, answer.text).toBe(201);
});
