import { describe, expect, test } from 'vitest';
import { configured, makeConnector } from '../../test/support/connectors.ts';
import {
  badRequest,
  inFlightStates,
  startVersionCalls,
  transitionRefused,
} from '../../test/support/version-calls.ts';

const { server, user, call, show, auditOf } = await startVersionCalls({
  SLIPWAY_RUN_MAX_MEMORY_MB: '4096',
  SLIPWAY_RUN_MAX_CPUS: '2',
});

const blank = 'This value should not be blank.';
const choice = 'The value you selected is not a valid choice.';
const greater = 'This value should be greater than 0.';

/** A valid call of each ⚙ operation here, and the type of connector it is for. */
const changes: [string, string, string, object][] = [
  ['datasource', 'PUT', '/datasource-configs', { categories: ['orders'] }],
  ['export', 'PUT', '/export-configs', { 'feedback-file-enabled': true }],
  ['data-service', 'PUT', '/data-service-configs', { stages: ['import'] }],
  ['upload', 'PUT', '/execution-config/container-api', { 'version-constraint': '~0.25.0' }],
  ['upload', 'PUT', '/execution-config/limits', {}],
  ['upload', 'PUT', '/feature-flags', { 'feature-flags': ['a'] }],
  ['upload', 'PUT', '/container-api-config', {}],
];

describe.each(changes)('for %s, %s %s', (type, method, path, body) => {
  test('leads to updating, or updated with both steps done', async () => {
    const fresh = await makeConnector(server, user, { type });
    expect((await call(method, fresh, path, body))[0]).toBe(200);
    expect((await show(fresh)).state).toBe('updating');
    const done = await makeConnector(server, user, { type, version: { ...configured, state: 'built' } });
    expect((await call(method, done, path, body))[0]).toBe(200);
    expect((await show(done)).state).toBe('updated');
  });
  test.each(inFlightStates)('is refused while %s', async (state) => {
    const connector = await makeConnector(server, user, { type, version: { state } });
    expect(await call(method, connector, path, body)).toEqual(transitionRefused(state));
  });
  test('is refused in production', async () => {
    const connector = await makeConnector(server, user, { type, version: { enabled_for_projects: [4] } });
    expect(await call(method, connector, path, body)).toEqual([
      400,
      { message: 'The version is in use in production; create a new version to change it.', errors: [] },
    ]);
    expect(await auditOf(connector)).toEqual([]);
  });
});

test.each(changes.slice(0, 3))('what is for %s is refused for others', async (_type, method, path, body) => {
  const connector = await makeConnector(server, user, { type: 'write', version: { state: 'building' } });
  expect(await call(method, connector, path, body)).toEqual(
    badRequest({ connector: 'This operation is not available for connectors of type write.' }),
  );
});

test('categories', async () => {
  const connector = await makeConnector(server, user, { type: 'datasource' });
  const put = (categories?: unknown) => call('PUT', connector, '/datasource-configs', { categories });
  expect(await put('orders')).toEqual(badRequest({ categories: 'This value does not have valid array.' }));
  for (const none of [undefined, null, []])
    expect(await put(none)).toEqual(badRequest({ categories: blank }));
  expect(await put(['none'])).toEqual(badRequest({ categories: choice }));
  expect(await put([3])).toEqual(badRequest({ categories: choice }));
  expect(await put(['orders', 'pim-pms', 'orders'])).toEqual([
    200,
    { message: 'Datasource config successfully updated.' },
  ]);
  expect((await show(connector)).config.datasource).toEqual({ categories: ['orders', 'pim-pms'] });
  expect(await auditOf(connector)).toEqual(['connector_update_datasource_config']);
});

test('feedback of an export', async () => {
  const connector = await makeConnector(server, user, {
    type: 'export-delta',
    version: { export_config: JSON.stringify({ channels: [3], 'channel-config': [] }) },
  });
  const put = (body: object) => call('PUT', connector, '/export-configs', body);
  const column = 'feedback-file-source-connection-column';
  const application = 'feedback-application-config';
  expect(await put({ [column]: 'x'.repeat(256), [application]: { command: '' } })).toEqual(
    badRequest({
      'feedback-file-enabled': blank,
      [column]: 'This value is too long. It should have 255 characters or less.',
      [`${application}.command`]: blank,
    }),
  );
  expect(await put({ 'feedback-file-enabled': 'yes', [application]: { command: 'a "b', more: 1 } })).toEqual(
    badRequest({
      'feedback-file-enabled': 'This value does not have valid boolean.',
      [`${application}.more`]: 'This field was not expected.',
      [`${application}.command`]: expect.any(String),
    }),
  );
  expect(await put({ 'feedback-file-enabled': true, [application]: 'x' })).toEqual(
    badRequest({ [application]: 'This value does not have valid object.' }),
  );
  expect(
    await put({ 'feedback-file-enabled': true, [column]: 'id', [application]: { command: 'node' } }),
  ).toEqual([200, { message: 'Export config successfully updated.' }]);
  expect(JSON.stringify((await show(connector)).config.export)).toBe(
    JSON.stringify({
      channels: [3],
      'channel-config': [],
      'feedback-file-enabled': true,
      [column]: 'id',
      'feedback-file-target-connection-column': null,
      [application]: { command: 'node', arguments: null },
    }),
  );
});

test('a data service', async () => {
  const connector = await makeConnector(server, user, { type: 'data-service' });
  const put = (body: object) => call('PUT', connector, '/data-service-configs', body);
  expect(
    await put({
      'service-type': 'x',
      stages: ['x'],
      'column-prefix': '__a',
      'max-usage': 0,
      datasource: -1,
      'service-category': 'x'.repeat(101),
    }),
  ).toEqual(
    badRequest({
      'service-type': choice,
      stages: choice,
      'column-prefix': 'This value should start with three underscores and otherwise contain only letters.',
      'max-usage': greater,
      'service-category': 'This value is too long. It should have 100 characters or less.',
      datasource: greater,
    }),
  );
  expect(await put({ stages: [] })).toEqual(badRequest({ stages: blank }));
  expect(await put({ stages: ['import'], 'max-usage': 3, 'column-prefix': '___abc' })).toEqual([
    200,
    { message: 'Data service config successfully updated.' },
  ]);
  expect(JSON.stringify((await show(connector)).config['data-service'])).toBe(
    JSON.stringify({
      'column-prefix': '___abc',
      'service-type': 'internal',
      stages: ['import'],
      'max-usage': 3,
      'service-category': null,
      datasource: null,
    }),
  );
});

test('limits name the maxima of the server', async () => {
  const connector = await makeConnector(server, user);
  const put = (body: object) => call('PUT', connector, '/execution-config/limits', body);
  expect(await put({ 'memory-mb': 63, cpus: 0.05, 'timeout-seconds': 9, network: 'x' })).toEqual(
    badRequest({
      'memory-mb': 'This value should be between 64 and 4096.',
      cpus: 'This value should be between 0.1 and 2.',
      'timeout-seconds': 'This value should be between 10 and 21600.',
      network: choice,
    }),
  );
  expect(await put({ 'memory-mb': 4097 })).toEqual(
    badRequest({ 'memory-mb': 'This value should be between 64 and 4096.' }),
  );
  for (const body of [{ network: 'allow-list' }, { network: 'allow-list', 'allow-list': [] }]) {
    expect(await put(body)).toEqual(badRequest({ 'allow-list': blank }));
  }
  for (const host of ['http://a', 'a:0', 'a:65536', 'a b', '-a', '', '*']) {
    expect(await put({ network: 'allow-list', 'allow-list': [host] }), host).toEqual(
      badRequest({ 'allow-list[0]': 'This value is not valid.' }),
    );
  }
  expect(
    await put({
      cpus: 0.5,
      network: 'allow-list',
      'allow-list': ['example.com', 'a:65535', '[::1]:80', 'a:65535'],
    }),
  ).toEqual([200, { message: 'Execution limits successfully updated.' }]);
  const [status, { message, resource, data }] = await call('GET', connector, '/execution-config');
  expect([status, message, resource]).toEqual([200, 'successful operation', 'execution-config']);
  expect(Object.keys(data)).toEqual([
    'execution-mode',
    'container-api-image',
    'docker-host',
    'container-api',
    'limits',
  ]);
  expect(JSON.stringify(data.limits)).toBe(
    '{"memory-mb":1024,"cpus":0.5,"timeout-seconds":3600,"network":"allow-list","allow-list":["example.com","a:65535","[::1]:80"]}',
  );
  await put({ 'allow-list': ['example.com'] });
  expect((await call('GET', connector, '/execution-config'))[1].data.limits).toEqual({
    'memory-mb': 1024,
    cpus: 1,
    'timeout-seconds': 3600,
    network: 'open',
    'allow-list': [],
  });
});

test('feature flags', async () => {
  const connector = await makeConnector(server, user);
  const put = (flags?: unknown) => call('PUT', connector, '/feature-flags', { 'feature-flags': flags });
  const array = badRequest({ 'feature-flags': 'This value does not have valid array.' });
  for (const none of ['a', null, undefined]) expect(await put(none)).toEqual(array);
  expect(await put(['a', 'B'])).toEqual(badRequest({ 'feature-flags[1]': 'This value is not valid.' }));
  expect((await put(Array.from({ length: 51 }, (_, index) => `f${index}`)))[0]).toBe(400);
  expect(await put(['b', 'a', 'b'])).toEqual([200, { message: 'Feature flags successfully updated.' }]);
  expect((await show(connector)).config['feature-flags']).toEqual(['b', 'a']);
  expect((await put([]))[0]).toBe(200);
});

test('the settings of the Container API', async () => {
  const connector = await makeConnector(server, user);
  const put = (body: object) => call('PUT', connector, '/container-api-config', body);
  expect(await put({ 'batch-size-max': 1000, separator: '', 'show-hidden': 1, more: 1 })).toEqual(
    badRequest({
      'batch-size-max': 'This value should be between 1 and 999.',
      separator: 'This value is not valid.',
      'show-hidden': 'This value does not have valid boolean.',
      more: 'This field was not expected.',
    }),
  );
  expect(await put({ separator: '\t', 'batch-size-max': 5 })).toEqual([
    200,
    { message: 'Container API config successfully updated.' },
  ]);
  expect((await show(connector)).config['container-api-config']).toEqual({
    'batch-size-max': 5,
    separator: '\t',
  });
  await put({});
  expect((await show(connector)).config['container-api-config']).toBeNull();
});
