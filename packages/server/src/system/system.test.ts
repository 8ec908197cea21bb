import { expect, test } from 'vitest';
import { configured, makeConnector } from '../../test/support/connectors.ts';
import { startTestServer } from '../../test/support/server.ts';

const server = await startTestServer({ SLIPWAY_ROLE: 'api', SLIPWAY_ENGINE: 'process' });
const admin = await server.makeUser({ role: 'admin' });
const get = (path: string, headers: Record<string, string> = {}, token: string | undefined = admin.token) =>
  server.request('GET', path, { token, headers });

test('the system shows settings without secrets, storage, database and workers', async () => {
  const { status, body } = await get('/system');
  expect(status).toBe(200);
  expect(Object.keys(body.data)).toEqual([
    'version',
    'engine',
    'isolation',
    'settings',
    'storage',
    'database',
    'workers',
  ]);
  expect(body).toMatchObject({ message: 'successful operation', resource: 'system' });
  expect(body.data).toMatchObject({
    engine: 'process',
    isolation: 'none',
    storage: { 'used-bytes': expect.any(Number), 'free-bytes': expect.any(Number) },
    database: { embedded: false, version: expect.stringMatching(/^\d+/), 'size-bytes': expect.any(Number) },
  });
  const url = body.data.settings.find(({ name }: { name: string }) => name === 'SLIPWAY_DATABASE_URL');
  expect(url).toEqual({ name: 'SLIPWAY_DATABASE_URL', value: '***', source: 'environment' });
});

test('the queue lists what waits, in order, and each build once', async () => {
  const user = await server.makeUser();
  const ids: string[] = [];
  for (const name of ['First', 'Second']) {
    const { id } = await makeConnector(server, user, { name, version: configured });
    const { body } = await server.request('POST', '/builds/connectors', {
      token: user.token,
      body: { connector: id },
    });
    ids.push(body.data.state.uuid);
  }
  const { body } = await get('/queue');
  expect(body.resource).toBe('queue-entry');
  expect(body.data).toEqual(
    ['First', 'Second'].map((name, index) => ({
      id: ids[index],
      kind: 'build',
      name: `${name} 1.0.0`,
      status: 'queued',
      position: index + 1,
      worker: null,
      'created-at': expect.any(String),
      'started-at': null,
    })),
  );
  const first = (await get('/queue?limit=1')).body;
  expect(first.data).toHaveLength(1);
  const second = (await get(first.metadata.next)).body;
  expect(second.data.map(({ id }: { id: string }) => id)).toEqual([ids[1]]);
  expect((await get('/queue?kind=run')).body.data).toEqual([]);
  const wrong = await get('/queue?kind=other');
  expect(wrong.body).toEqual({
    message: 'Bad request.',
    errors: { kind: 'The value you selected is not a valid choice.' },
  });
});

test('metrics are open to this machine while there is no token for them, and not to what a proxy passes on', async () => {
  await get('/connectors');
  const { status, text, headers } = await server.request('GET', '/metrics');
  expect(status).toBe(200);
  expect(headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
  expect(text).toContain(
    'slipway_http_request_duration_seconds_count{operation="connector_list",status="200"} 1',
  );
  expect(text).toMatch(/slipway_work\{kind="build",status="queued"\} 2/);
  expect(text).toContain('process_resident_memory_bytes');
  const passedOn = await server.request('GET', '/metrics', { headers: { 'x-forwarded-for': '127.0.0.1' } });
  expect(passedOn.status).toBe(401);
});

test('with SLIPWAY_METRICS_TOKEN it takes that token, or an admin', async () => {
  const closed = await startTestServer({
    SLIPWAY_METRICS_TOKEN: 'the-token-of-the-metrics',
    SLIPWAY_ROLE: 'api',
  });
  const ask = (token?: string) => closed.request('GET', '/metrics', { token });
  expect((await ask()).status).toBe(401);
  expect((await ask('another-token')).status).toBe(401);
  expect((await ask('the-token-of-the-metrics')).status).toBe(200);
  expect((await ask((await closed.makeUser({ role: 'admin' })).token)).status).toBe(200);
  expect((await ask((await closed.makeUser()).token)).status).toBe(403);
});

test('a browser that opens the address of the server is sent to the reference, a program is not', async () => {
  const browser = await fetch(`${server.url}/`, {
    headers: { accept: 'text/html,application/xhtml+xml' },
    redirect: 'manual',
  });
  expect([browser.status, browser.headers.get('location')]).toEqual([302, '/docs']);
  const program = await server.request('GET', '/');
  expect([program.status, program.body]).toEqual([404, { message: 'Resource not found.' }]);
});

test('the reference comes with its program, and with nothing from elsewhere', async () => {
  const page = await server.request('GET', '/docs');
  expect(page.status).toBe(200);
  expect(page.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'; script-src 'self'");
  expect(page.text).toContain('spec-url="/openapi.json"');
  expect(page.text).not.toMatch(/https?:/);
  const source = /<script src="([^"]+)"/.exec(page.text)?.[1] as string;
  const script = await server.request('GET', source);
  expect([script.status, script.headers.get('content-type')]).toEqual([
    200,
    'text/javascript; charset=utf-8',
  ]);
  expect(script.text.length).toBeGreaterThan(500_000);
});

test('the versions of the Container API are listed with their image, and documented', async () => {
  const { status, body } = await get('/container-api/versions');
  expect([status, body]).toEqual([
    200,
    {
      data: [{ version: '0.25.0', image: 'slipway/container-api:0.25.0', default: true }],
      metadata: { from: 0, limit: 100, count: 1, total: 1, next: null },
      message: 'successful operation',
      resource: 'container-api-version',
    },
  ]);
  expect((await get('/container-api/versions?from=1')).body.data).toEqual([]);
  const newest = await get('/container-api/openapi.json', {}, undefined);
  expect([newest.status, newest.body.info.version]).toEqual([200, '0.25.0']);
  expect(newest.body.paths['/output/{type}'].post.responses['201'].description).toBe('Written successfully.');
  expect((await get('/container-api/openapi.json?version=0.25.0', {}, undefined)).body).toEqual(newest.body);
  const unknown = await get('/container-api/openapi.json?version=9.0.0');
  expect([unknown.status, unknown.body]).toEqual([404, { message: 'Container API version not found.' }]);
});
