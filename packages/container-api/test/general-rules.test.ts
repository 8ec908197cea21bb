import { createServer, request as httpRequest } from 'node:http';
import { connect } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type ContainerApi,
  createMasker,
  type RunContext,
  readLog,
  runFolder,
  startContainerApi,
} from '../src/index.ts';
import { exchange, parseAnswer, send } from './raw-client.ts';
import { readOutput, temporaryFolder, testContext } from './test-run.ts';

let folder: string;
let remove: () => Promise<void>;
let api: ContainerApi;

async function start(changes: Partial<RunContext> = {}): Promise<number> {
  await api.close();
  api = await startContainerApi(testContext(folder, changes), { host: '127.0.0.1', port: 0 });
  return api.port;
}

beforeEach(async () => {
  ({ folder, remove } = await temporaryFolder());
  api = await startContainerApi(testContext(folder), { host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  await api.close();
  await remove();
});

const WRITTEN = '{"message":"Written successfully."}';
const REFUSED = '{"message":"Host is not allowed."}';

test.for([
  ['cde-container-api', 200],
  ['CDE-Container-API:80', 200],
  ['localhost:9', 200],
  ['127.0.0.1', 200],
  ['[::1]:80', 200],
  ['sidecar.example', 200],
  ['evil.example', 403],
  ['cde-container-api.evil.example', 403],
  ['', 403],
  ['a b', 403],
] as const)('Host %s is answered %i', async ([host, status]) => {
  const port = await start({ publicUrl: 'http://sidecar.example:8080' });
  const answer = await send(port, 'GET', '/ping', { Host: host });
  expect([answer.status, answer.body]).toEqual([status, status === 200 ? '{"message":"pong"}' : REFUSED]);
});

test('HTTP/1.0 needs no Host, HTTP/1.1 does', async () => {
  expect(parseAnswer(await exchange(api.port, 'GET /ping HTTP/1.0\r\n\r\n')).status).toBe(200);
  expect(
    parseAnswer(await exchange(api.port, 'GET /ping HTTP/1.1\r\nConnection: close\r\n\r\n')).status,
  ).toBe(403);
});

test.for([
  ['http://cde-container-api/ping', 200],
  ['http://cde-container-api:80/ping', 200],
  ['HTTP://LOCALHOST/ping', 200],
  ['http://127.0.0.1//ping/', 200],
  ['http://cde-container-api:81/ping', 403],
  ['http://example.com/ping', 403],
  ['https://cde-container-api/ping', 403],
] as const)('the target %s is answered %i, whatever the Host header says', async ([target, status]) => {
  expect((await send(api.port, 'GET', target, { Host: 'evil.example' })).status).toBe(status);
});

test.for([
  ['DELETE', '/ping', 'GET'],
  ['OPTIONS', '/output/output', 'POST'],
  ['PATCH', '/state/x', 'GET, PUT, DELETE'],
  ['PROPFIND', '/metadata', 'GET'],
  ['HEAD', '/input/input/next', 'GET'],
])('%s %s is not allowed', async ([method, path, allow]) => {
  const answer = await send(api.port, method!, path!);
  expect([answer.status, answer.headers.allow]).toEqual([405, allow]);
  expect(answer.body).toBe(method === 'HEAD' ? '' : '{"message":"Method not allowed."}');
});

test('CONNECT is not allowed', async () => {
  const answer = parseAnswer(
    await exchange(api.port, 'CONNECT example.com:443 HTTP/1.1\r\nHost: example.com\r\n\r\n'),
  );
  expect([answer.status, answer.body]).toEqual([405, '{"message":"Method not allowed."}']);
});

test.for([
  ['/p%69ng', 404],
  ['/PING', 404],
  ['/ping/x', 404],
  ['///ping//', 200],
  ['/ping?x=%FF', 200],
  ['/nothing/%FF', 404],
  ['/state/%zz', 400],
  ['/', 404],
  ['/input//input///next/', 404],
] as const)('%s is answered %i', async ([path, status]) => {
  expect((await send(api.port, 'GET', path)).status).toBe(status);
});

test('a known request id comes back, another one is replaced; nothing is cached', async () => {
  const own = await send(api.port, 'GET', '/ping', { 'X-Request-Id': 'a.b-C_1' });
  expect([own.headers['x-request-id'], own.headers['cache-control']]).toEqual(['a.b-C_1', 'no-store']);
  const other = await send(api.port, 'GET', '/none', { 'X-Request-Id': 'a b' });
  expect(other.headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
});

test('request line and headers over 16 KiB are answered 431', async () => {
  const answer = await send(api.port, 'GET', '/ping', { 'X-Long': 'x'.repeat(17_000) });
  expect([answer.status, answer.body]).toEqual([431, '{"message":"Request header is too large."}']);
  expect((await send(api.port, 'GET', '/ping', { 'X-Long': 'x'.repeat(15_000) })).status).toBe(200);
});

test('what is no HTTP request is answered 400', async () => {
  expect(parseAnswer(await exchange(api.port, 'hello\r\n\r\n')).status).toBe(400);
});

test('checks happen in the order of the contract', async () => {
  const gzip = { 'Content-Encoding': 'gzip', 'Idempotency-Key': 'ü' };
  const at = (path: string, headers: Record<string, string>, body: string) =>
    send(api.port, 'PUT', path, headers, body);
  expect((await at('/state/a%20b', { ...gzip, Host: 'evil.example' }, '{')).status).toBe(403);
  expect((await at('/state/a%20b?commit=x', gzip, '{')).body).toContain('"key"');
  expect((await at('/state/a?commit=x', gzip, '{')).body).toContain('"commit"');
  expect((await at('/state/a', gzip, '{')).status).toBe(415);
  expect((await at('/state/a', { 'If-Match': '"9"' }, '{')).body).toContain('Malformed JSON');
  expect((await at('/state/a', { 'If-Match': '"9"' }, '{}')).body).toContain('This field is missing.');
  expect((await at('/state/a', { 'If-Match': '"9"' }, '{"value":1}')).status).toBe(412);
  const post = (headers: Record<string, string>, body: string) =>
    send(api.port, 'POST', '/output/output', headers, body);
  expect((await post({ 'Idempotency-Key': 'x'.repeat(201) }, '{')).body).toContain('Malformed JSON');
  expect((await post({ 'Idempotency-Key': 'x'.repeat(201) }, '{}')).body).toContain('Idempotency-Key');
});

test('a body over the limit is answered 413, with or without its length, and the connection goes on', async () => {
  const port = await start({ bodyLimitBytes: 1000 });
  const big = JSON.stringify({ data: [{ text: 'x'.repeat(1000) }] });
  const chunked = `POST /output/output HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n${big.length.toString(16)}\r\n${big}\r\n0\r\n\r\n`;
  const answers = await exchange(
    port,
    `${chunked}GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
  );
  expect(answers).toContain('HTTP/1.1 413 ');
  expect(answers).toContain('{"message":"Request body is too large.","errors":{}}');
  expect(answers.endsWith('{"message":"pong"}')).toBe(true);
  expect((await send(port, 'POST', '/output/output', {}, big)).status).toBe(413);
  expect(api.summary()).toMatchObject({
    outputRefusedStatus: 413,
    outputFailed: false,
    rowsWritten: { output: 0 },
  });
});

test('chunked bodies work in parts of any size', async () => {
  const body = JSON.stringify({
    data: Array.from({ length: 200 }, (_, id) => ({ id, text: 'ü'.repeat(id) })),
  });
  const bytes = Buffer.from(body);
  const status = await new Promise<number>((resolve, reject) => {
    const request = httpRequest({ port: api.port, method: 'POST', path: '/output/output' }, (answer) => {
      answer.resume();
      resolve(answer.statusCode!);
    });
    request.on('error', reject);
    for (let at = 0; at < bytes.length; at += 777) request.write(bytes.subarray(at, at + 777));
    request.end();
  });
  expect(status).toBe(201);
  expect((await readOutput(folder, 'output')).rows.at(-1)).toEqual(['199', 'ü'.repeat(199)]);
});

test('Expect: 100-continue is answered at once', async () => {
  const socket = connect(api.port, '127.0.0.1');
  let seen = '';
  socket.on('data', (part) => {
    seen += part;
    if (seen === 'HTTP/1.1 100 Continue\r\n\r\n') socket.write('{"data":[{"a":1}]}');
  });
  socket.write(
    'POST /output/output HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('close', resolve));
  expect(seen.endsWith(WRITTEN)).toBe(true);
});

test('one connection serves many requests, also those whose body nobody reads', async () => {
  const one = (method: string, path: string, body: string, last = false) =>
    `${method} ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n${last ? 'Connection: close\r\n' : ''}\r\n${body}`;
  const answers = await exchange(
    api.port,
    one('POST', '/none', 'ignored') +
      one('POST', '/output/feedback/close', '{"x":1}') +
      one('GET', '/ping', 'body') +
      one('POST', '/output/output', '{"data":[{"a":1}]}', true),
  );
  expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map((match) => match[1])).toEqual([
    '404',
    '204',
    '200',
    '201',
  ]);
});

test('every answer outside 200 to 299 is recorded, with secrets of the run masked', async () => {
  const port = await start({ masker: createMasker(['hunter22']) });
  await send(port, 'GET', '/none?key=hunter22');
  await send(port, 'HEAD', '/ping');
  await send(port, 'GET', 'http://other.example/x?y');
  await api.log.flush();
  const { entries } = await readLog(runFolder(folder).log);
  expect(entries.map(({ message }) => message)).toEqual([
    'GET /none?key=*** answered 404.',
    'HEAD /ping answered 405.',
    'GET http://other.example/x?y answered 403.',
  ]);
  expect(entries[1]!.context).toEqual({ method: 'HEAD', uri: '/ping', status: 405, body: '' });
});

test('targets elsewhere are forwarded where the policy lets them, unchanged in both directions', async () => {
  const origin = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      response.writeHead(418, 'Short and stout', [
        'X-Twice',
        '1',
        'X-Twice',
        '2',
        'Connection',
        'X-Hop',
        'X-Hop',
        'gone',
      ]);
      response.end(
        JSON.stringify({ url: request.url, headers: request.headers, body: Buffer.concat(parts).toString() }),
      );
    });
  });
  await new Promise<void>((resolve) => origin.listen(0, '127.0.0.1', resolve));
  const { port: originPort } = origin.address() as { port: number };
  const target = `http://shop.example:${originPort}/a//b%2F?x=%20`;
  try {
    const refusing = await start({
      forward: { mode: 'allow-list', hosts: ['shop.example:1', 'other'] },
    });
    expect((await send(refusing, 'POST', target, {}, 'x')).status).toBe(403);
    const port = await start({
      forward: { mode: 'allow-list', hosts: [`SHOP.example:${originPort}`] },
      lookup: (_host, _options, done) => done(null, [{ address: '127.0.0.1', family: 4 }]),
    });
    const answer = await send(
      port,
      'POST',
      target,
      { Host: 'ignored', 'Proxy-Connection': 'keep-alive', 'X-Own': '1' },
      'body',
    );
    expect(answer.status).toBe(418);
    expect(answer.headers).not.toHaveProperty('x-hop');
    const seen = JSON.parse(answer.body) as { url: string; headers: Record<string, string>; body: string };
    expect([seen.url, seen.body, seen.headers['x-own']]).toEqual(['/a//b%2F?x=%20', 'body', '1']);
    expect(seen.headers.host).toBe(`shop.example:${originPort}`);
    expect(seen.headers).not.toHaveProperty('proxy-connection');
    const { entries } = await readLog(runFolder(folder).log);
    expect(entries.filter(({ message }) => message.includes('418'))).toEqual([]);
    // The machine's own ports stay closed, whatever the policy says.
    const open = await start({ forward: { mode: 'open' } });
    expect((await send(open, 'GET', `http://127.0.0.1:${originPort}/`)).status).toBe(403);
  } finally {
    origin.close();
  }
});

test('a host that can not be reached is answered 502', async () => {
  const port = await start({ forward: { mode: 'open' } });
  const answer = await send(port, 'GET', 'http://nowhere.invalid/');
  expect([answer.status, answer.body]).toEqual([502, '{"message":"Host cannot be reached."}']);
});

test('requests that stand still are answered 408, idle connections stay open', async () => {
  await api.close();
  const listen = { host: '127.0.0.1', port: 0, requestTimeoutMs: 150 };
  api = await startContainerApi(testContext(folder), listen);
  const stuckHead = exchange(api.port, 'GET /ping HTTP/1.1\r\nHost: local');
  const stuckBody = exchange(
    api.port,
    'POST /output/output HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{',
  );
  const idle = connect(api.port, '127.0.0.1');
  const answered = parseAnswer(await stuckHead);
  expect([answered.status, answered.body]).toEqual([408, '{"message":"Request timed out."}']);
  expect(parseAnswer(await stuckBody).status).toBe(408);
  await new Promise((resolve) => setTimeout(resolve, 400));
  for (let round = 0; round < 2; round++) {
    const part = new Promise<Buffer>((resolve) => idle.once('data', resolve));
    idle.write('GET /ping HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(String(await part)).toContain('pong');
    await new Promise((resolve) => setTimeout(resolve, 400));
  }
  expect(idle.readyState).toBe('open');
  idle.destroy();
});
