import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { writeInputStream } from '@slipway/records';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type RunContext, readLog, runFolder } from '../src/index.ts';
import { inProcess, type Served, standAlone } from './golden-player.ts';
import { parseAnswer, send } from './raw-client.ts';
import { endStandAlone } from './stand-alone.ts';
import { readOutput, temporaryFolder, testContext } from './test-run.ts';

const MALFORMED = '{"message":"Malformed JSON in the request body.","errors":{}}';
const nested = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`;
const NDJSON = { 'Content-Type': 'application/x-ndjson' };

describe.each([
  ['in this process', inProcess],
  ['by a process of its own', standAlone],
])('served %s', (_where, target) => {
  let folder: string;
  let remove: () => Promise<void>;
  let api: Served;

  async function start(changes: Partial<RunContext> = {}): Promise<void> {
    api = await target.serve(testContext(folder, changes));
  }

  beforeEach(async () => {
    ({ folder, remove } = await temporaryFolder());
    await start();
  });
  afterEach(async () => {
    await api.close();
    endStandAlone();
    await remove();
  });

  const post = (path: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    send(api.port, 'POST', path, headers, body);
  describe('10,000 levels of nesting are malformed JSON', () => {
    test.for<[string, string, string]>([
      ['POST', '/output/output', `{"data":[{"a":${nested(10_000)}}]}`],
      ['POST', '/output/output', `{"meta":${nested(10_000)},"data":[{}]}`],
      ['POST', '/output/output', `${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`],
      ['POST', '/logs/info', `{"message":"x","context":${nested(10_000)}}`],
      ['POST', '/notifications/info', `{"message":${nested(10_000)}}`],
      ['POST', '/event-log', `{"events":${nested(10_000)}}`],
      ['POST', '/store/to-transport', `{"source_file":${nested(10_000)}}`],
      ['PUT', '/buckets/exchange/upload/x', nested(10_000)],
      ['PUT', '/state/x', `{"value":${nested(10_000)}}`],
      // Never closed: as deep as the body goes.
      ['POST', '/output/output', `{"data":${'['.repeat(1_000_000)}`],
    ])('%s %s', async ([method, path, body]) => {
      const answer = await send(api.port, method, path, {}, body);
      expect([answer.status, answer.body]).toEqual([400, MALFORMED]);
    });

    test('in a line of NDJSON', async () => {
      const answer = await post('/output/output', `{"a":1}\n{"a":${nested(10_000)}}\n`, NDJSON);
      expect([answer.status, answer.body]).toEqual([
        400,
        '{"message":"Validation failed","errors":{"data[1]":"This value is not valid JSON."}}',
      ]);
      expect((await readOutput(folder, 'output')).count).toBe(0);
    });
  });

  test.each([65, 200])('rows of %i levels are nested too deeply', async (levels) => {
    const answer = await post('/output/output', `{"data":[{},{"a":${nested(levels)}}]}`);
    expect([answer.status, answer.body]).toEqual([
      400,
      '{"message":"Validation failed","errors":{"data[1]":"This value is nested too deeply."}}',
    ]);
  });

  describe('bodies that are no UTF-8 are malformed JSON', () => {
    test.for<[string, Buffer]>([
      ['Latin-1', Buffer.from('{"data":[{"a":"ä"}]}', 'latin1')],
      ['UTF-16', Buffer.from('\ufeff{"data":[{"a":"x"}]}', 'utf16le')],
      [
        'a surrogate as bytes',
        Buffer.from([...Buffer.from('{"data":[{"a":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}]}')]),
      ],
      [
        'an overlong form',
        Buffer.from([...Buffer.from('{"data":[{"a":"'), 0xc0, 0xaf, ...Buffer.from('"}]}')]),
      ],
      [
        'a character cut off',
        Buffer.from([...Buffer.from('{"data":[{"a":"'), 0xe2, 0x82, ...Buffer.from('"}]}')]),
      ],
      ['a bare NUL', Buffer.from('{"data":[{"a":"\0"}]}')],
    ])('%s', async ([, body]) => {
      const answer = await post('/output/output', body);
      expect([answer.status, answer.body]).toEqual([400, MALFORMED]);
    });
  });

  test('of repeated keys the last counts, in the request and in rows', async () => {
    const body =
      '{"meta":{"separator":"x"},"data":[{"gone":1}],"meta":{"separator":"-"},"data":[{"a":1,"b":{"c":2},"a":3,"b":{"c":4}}]}';
    expect((await post('/output/output', body)).status).toBe(201);
    expect(await readOutput(folder, 'output')).toEqual({
      columns: ['a', 'b-c'],
      rows: [['3', '4']],
      count: 1,
    });
    await post('/logs/info', '{"message":"first","message":"second","context":{"a":1,"a":2}}');
    const { entries } = await readLog(runFolder(folder).log);
    expect(entries).toMatchObject([{ message: 'second', context: { a: 2 } }]);
  });

  test('numbers beyond doubles are kept as they are printed', async () => {
    const numbers = ['1e999', '-1E-999', '123456789012345678901234567890.10', '-0', '0.1000', '1E+5'];
    const body = `{"data":[{${numbers.map((number, index) => `"n${index}":${number}`).join(',')}}]}`;
    expect((await post('/output/output', body)).status).toBe(201);
    expect((await readOutput(folder, 'output')).rows).toEqual([numbers]);
    await send(api.port, 'PUT', '/state/n', {}, `{"value":[${numbers.join(', ')}]}`);
    expect((await send(api.port, 'GET', '/state/n')).body).toContain(`"value":[${numbers.join(',')}]`);
    await post('/logs/info', `{"message":1e999,"context":{"n":${numbers[2]}}}`);
    const log = await readFile(runFolder(folder).log, 'utf8');
    expect(log).toContain('"message":"1e999"');
    expect(log).toContain(numbers[2]);
  });

  test('NUL is kept in rows and replaced in what is shown; a lone surrogate becomes U+FFFD', async () => {
    const row = String.raw`{"a\u0000b":"x\u0000y","\ud800":"\udc00z","pair":"\ud83d\ude00"}`;
    expect((await post('/output/output', `{"data":[${row}]}`)).status).toBe(201);
    expect(await readOutput(folder, 'output')).toEqual({
      columns: ['a\0b', '\ufffd', 'pair'],
      rows: [['x\0y', '\ufffdz', '😀']],
      count: 1,
    });
    const said = String.raw`{"message":"a\u0000\ud800","context":{"\u0000":"\udfff"}}`;
    for (const path of ['/logs/info', '/notifications/info'])
      expect((await post(path, said)).status).toBe(201);
    const event = String.raw`{"events":[{"code":"A","message":"\u0000","item-id":"\ud800","context":{"\u0000":"\u0000"}}]}`;
    expect((await post('/event-log', event)).status).toBe(201);
    const { entries } = await readLog(runFolder(folder).log);
    expect(entries).toMatchObject([{ message: 'a\ufffd\ufffd', context: { '\ufffd': '\ufffd' } }]);
    const notified = await readFile(runFolder(folder).notifications, 'utf8');
    expect(JSON.parse(notified)).toMatchObject({ message: 'a\ufffd\ufffd' });
    const [stored] = JSON.parse(await readFile(runFolder(folder).events, 'utf8'));
    expect(stored).toMatchObject({ message: '\ufffd', 'item-id': '\ufffd', context: { '\ufffd': '\ufffd' } });
    expect((await send(api.port, 'PUT', '/state/s', {}, String.raw`{"value":"\u0000\ud800"}`)).status).toBe(
      200,
    );
    const value = JSON.parse((await send(api.port, 'GET', '/state/s')).body).data.value;
    expect(value.isWellFormed() && value.startsWith('\0')).toBe(true);
  });

  test('a body of 64 MiB is taken, one byte more is not; neither is such a line of NDJSON', async () => {
    const limit = 64 * 1024 ** 2;
    const [before, after] = ['{"data":[{"text":"', '"}]}'];
    const body = (bytes: number) => before + 'x'.repeat(bytes - before.length - after.length) + after;
    expect((await post('/output/output', body(limit))).status).toBe(201);
    const more = await post('/output/output', body(limit + 1));
    expect([more.status, more.body]).toEqual([413, '{"message":"Request body is too large.","errors":{}}']);
    const line = `{"text":"${'x'.repeat(limit)}"}\n`;
    expect((await post('/output/output', `{"a":1}\n${line}`, NDJSON)).status).toBe(413);
    expect((await post('/logs/info', body(limit + 1))).status).toBe(413);
    expect((await readOutput(folder, 'output')).count).toBe(1);
  });

  test('after an answer in the middle of a body its connection serves the next request', async () => {
    // Refused at the first line; the others are still on their way.
    const lines = `{"a":\n${`${JSON.stringify({ text: 'x'.repeat(1000) })}\n`.repeat(8000)}`;
    const tooLong = `{"text":"${'x'.repeat(65 * 1024 ** 2)}"}\n`;
    for (const [body, status] of [
      [lines, 400],
      [tooLong, 413],
    ] as const) {
      const refused = await fetch(`http://127.0.0.1:${api.port}/output/output`, {
        method: 'POST',
        headers: NDJSON,
        body,
      });
      expect([refused.status, await refused.json()]).toMatchObject([status, { message: expect.any(String) }]);
      const next = await fetch(`http://127.0.0.1:${api.port}/ping`, { signal: AbortSignal.timeout(5000) });
      expect(await next.json()).toEqual({ message: 'pong' });
    }
  });

  describe('paths that lead out of the bucket are not valid, however they are written', () => {
    const refused = '{"message":"Validation failed","errors":{"remoteFile":"Not a valid file path."}}';
    test.for(['%2e%2e%2fx', '..%2Fx', '%2E%2E/x', 'a/..%2f..%2fx', '..%5Cx', '%5c..%5cx', 'a/%2e%2e'])(
      '%s',
      async (path) => {
        await api.close();
        await mkdir(join(folder, 'bucket'));
        await writeFile(join(folder, 'x'), 'secret');
        await start({ bucketFolder: join(folder, 'bucket') });
        const answer = await send(api.port, 'GET', `/buckets/exchange/download/${path}`);
        expect([answer.status, answer.body]).toEqual([400, refused]);
        expect((await send(api.port, 'DELETE', `/buckets/delete/${path}`)).body).toBe(refused);
        expect(await readFile(join(folder, 'x'), 'utf8')).toBe('secret');
      },
    );

    // They look like dots and slashes, or are encoded twice: ordinary names of files that are not there.
    test.for([
      '%E2%80%A4%E2%80%A4/x',
      '%EF%BC%8E%EF%BC%8E%EF%BC%8Fx',
      '..%E2%88%95x',
      '%252e%252e%252fx',
      '...',
    ])('%s is an ordinary name', async (path) => {
      await api.close();
      await mkdir(join(folder, 'bucket'));
      await start({ bucketFolder: join(folder, 'bucket') });
      const answer = await send(api.port, 'GET', `/buckets/exchange/download/${path}`);
      expect(answer.body).toBe('{"message":"Validation failed","errors":{"remoteFile":"File not found."}}');
    });

    test.for(['%C0%AE%C0%AE/x', '%ZZ', '%'])('%s can not be decoded', async (path) => {
      const answer = await send(api.port, 'GET', `/buckets/exchange/download/${path}`);
      expect(answer.body).toBe('{"message":"Bad request.","errors":{"path":"This value is not valid."}}');
    });
  });

  /** Sends bytes, then closes the sending half, and reads what still comes. */
  const halfClose = (bytes: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const socket = connect({ port: api.port, host: '127.0.0.1', allowHalfOpen: true });
      let seen = '';
      socket.on('data', (part) => {
        seen += part;
      });
      socket.on('end', () => {
        socket.destroy();
        resolve(seen);
      });
      socket.on('error', reject);
      socket.end(bytes);
    });

  test('a client that closes its half after the request still gets its answer', async () => {
    const body = '{"data":[{"a":1}]}';
    const head = `POST /output/output HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`;
    expect(parseAnswer(await halfClose(head + body)).status).toBe(201);
    expect((await readOutput(folder, 'output')).count).toBe(1);
  });

  test.each([
    ['Content-Length: 100', '{"data":[{"a":1}]}'],
    ['Transfer-Encoding: chunked', '12\r\n{"data":[{"a":1}]}\r\n'],
    ['Transfer-Encoding: chunked', '12\r\n{"data":['],
  ])('a body that ends too early (%s) changes nothing, and others are served', async (header, body) => {
    await halfClose(`POST /output/output HTTP/1.1\r\nHost: localhost\r\n${header}\r\n\r\n${body}`);
    await halfClose(
      `POST /output/output HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-ndjson\r\n${header}\r\n\r\n${body}`,
    );
    expect((await send(api.port, 'GET', '/ping')).status).toBe(200);
    expect((await post('/output/output/close', '')).status).toBe(204);
    expect((await readOutput(folder, 'output')).count).toBe(0);
  });

  test('a client that does not read its stream holds up nobody, and its rows are not read ahead', async () => {
    await api.close();
    const rows = async function* () {
      for (let row = 0; row < 20_000; row++) yield [String(row), 'x'.repeat(1000)];
    };
    await writeInputStream(runFolder(folder).input('input'), ['id', 'text'], rows());
    await start({ connector: { id: 'x', name: 'x', type: 'export' } });
    const slow = connect(api.port, '127.0.0.1').pause();
    slow.write('GET /input/input/stream HTTP/1.1\r\nHost: localhost\r\n\r\n');
    const seen: number[] = [];
    for (let call = 0; call < 50; call++) {
      const { body } = await send(api.port, 'GET', '/input/input/next_batch?size=1');
      seen.push(Number(JSON.parse(body).data[0].id));
      expect((await send(api.port, 'POST', '/output/feedback', {}, '{"data":[{"a":1}]}')).status).toBe(201);
    }
    // What the slow client may have waiting: buffers of this process and of the machine's sockets.
    expect(Math.max(...seen)).toBeLessThan(16_000);
    expect(new Set(seen).size).toBe(seen.length);
    slow.destroy();
  });

  test('a client that sends its body a byte at a time is waited for, and holds up nobody', async () => {
    const body = '{"data":[{"a":1}]}';
    const slow = connect(api.port, '127.0.0.1');
    const answered = new Promise<string>((resolve, reject) => {
      slow.once('data', (part) => resolve(part.toString()));
      slow.once('error', reject);
    });
    slow.write(`POST /output/output HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`);
    for (const byte of body) {
      expect((await post('/output/output', '{"data":[{"a":2}]}')).status).toBe(201);
      slow.write(byte);
    }
    expect(await answered).toContain('HTTP/1.1 201 ');
    slow.destroy();
    expect((await readOutput(folder, 'output')).count).toBe(body.length + 1);
  });

  describe('paths that lead out of where they belong', () => {
    const OUT = ['../secret', '/../secret', 'a/../../secret', '..\\secret', 'a\u0000b', '..'];

    test('are no sources and no places to store', async () => {
      await writeFile(join(folder, 'secret'), 'secret');
      for (const path of OUT) {
        for (const operation of ['/store/to-transport', '/storage/internal']) {
          const answer = await post(operation, JSON.stringify({ source_file: path, remote_file: path }));
          expect([answer.status, answer.body], path).toEqual([
            400,
            '{"message":"Validation failed","errors":{"sourceFile":"File not found.","remoteFile":"Not a valid file path."}}',
          ]);
        }
      }
    });

    test('are not followed as links of the exchange folder', async () => {
      await api.close();
      await mkdir(join(folder, 'bucket'));
      await writeFile(join(folder, 'secret'), 'secret');
      await start({ bucketFolder: join(folder, 'bucket') });
      const exchange = runFolder(folder).exchange;
      await symlink('../secret', join(exchange, 'relative'));
      await symlink(join(folder, 'secret'), join(exchange, 'absolute'));
      await symlink('..', join(exchange, 'above'));
      await symlink('/etc', join(exchange, 'system'));
      for (const source of [
        'relative',
        'absolute',
        'above/secret',
        'system/passwd',
        '/data/productsup/relative',
      ]) {
        const body = JSON.stringify({ source_file: source, remote_file: 'taken' });
        for (const [method, path] of [
          ['PUT', '/buckets/exchange/upload/taken'],
          ['POST', '/store/to-transport'],
        ] as const) {
          const answer = await send(api.port, method, path, {}, body);
          expect([answer.status, answer.body], source).toEqual([
            400,
            '{"message":"Validation failed","errors":{"sourceFile":"File not found."}}',
          ]);
        }
      }
      expect(await readdir(join(folder, 'bucket'))).toEqual([]);
      // Nor does a download write through one.
      await writeFile(join(folder, 'bucket', 'secret'), 'overwritten');
      await mkdir(join(folder, 'bucket', 'above'));
      await writeFile(join(folder, 'bucket', 'above', 'secret'), 'overwritten');
      await send(api.port, 'GET', '/buckets/exchange/download/above/secret');
      expect(await readFile(join(folder, 'secret'), 'utf8')).toBe('secret');
    });

    test.for<[string, string, number]>([
      ['GET', '/state/..%2f..%2fsecret', 400],
      ['PUT', '/state/%2e%2e', 200],
      ['GET', '/processes/..%2f..%2fsecret', 404],
      ['POST', '/output/..%2foutput', 404],
      ['POST', '/logs/..%2finfo', 404],
      ['GET', '/input/..%2finput/next', 404],
      ['GET', '/..%2f..%2fetc%2fpasswd', 404],
      ['GET', '/../../etc/passwd', 404],
      ['GET', '/ping/../../etc/passwd', 404],
    ])('%s %s', async ([method, path, status]) => {
      const body = method === 'GET' ? null : '{"value":1,"message":"x","data":[{}]}';
      const answer = await send(api.port, method, path, {}, body);
      expect(answer.status).toBe(status);
      expect(answer.body).not.toContain('root:');
      // A key of dots alone is a name like any other, and no folder.
      if (status === 200) expect((await send(api.port, 'GET', '/state/%2e%2e')).status).toBe(200);
    });
  });
});
