/**
 * The least a server can do with rows: parse a batch and append its rows to a file, answer a batch by slicing a file, send the
 * file as it is, or answer nothing at all.
 */
import { closeSync, createReadStream, openSync, readSync, writeSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { ready } from './target.ts';

const folder = process.env.BENCH_FOLDER as string;
/** The very file that the Container API serves from. */
const rows = process.env.BENCH_ROWS as string;
const output = openSync(join(folder, 'bare-output.ndjson'), 'a');
const input = openSync(rows, 'r');
const offsets = indexLines();
let cursor = 0;

/** Where each line begins; one more for the end of the file. */
function indexLines(): number[] {
  const starts = [0];
  const block = Buffer.allocUnsafe(1 << 20);
  let position = 0;
  for (;;) {
    const read = readSync(input, block, 0, block.length, position);
    if (read === 0) return starts;
    for (let index = 0; index < read; index += 1) if (block[index] === 10) starts.push(position + index + 1);
    position += read;
  }
}

function nextBatch(size: number): string {
  if (cursor >= offsets.length - 1) cursor = 0;
  const end = Math.min(cursor + size, offsets.length - 1);
  const [from, to] = [offsets[cursor] as number, offsets[end] as number];
  const slice = Buffer.allocUnsafe(to - from - 1);
  readSync(input, slice, 0, slice.length, from);
  for (let line = cursor + 1; line < end; line += 1) slice[(offsets[line] as number) - from - 1] = 44;
  cursor = end;
  return `{"message":"","data":[${slice.toString()}]}`;
}

const server = createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  if (request.url === '/empty') {
    response.end('{"message":"","data":{}}');
    return;
  }
  if (request.url === '/file') {
    createReadStream(rows, { highWaterMark: 1024 * 1024 }).pipe(response);
    return;
  }
  if (request.method === 'GET') {
    response.end(nextBatch(Number(new URL(request.url as string, 'http://x').searchParams.get('size'))));
    return;
  }
  const chunks: Buffer[] = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', () => {
    const { data } = JSON.parse(Buffer.concat(chunks).toString()) as { data: unknown[] };
    writeSync(output, `${data.map((row) => JSON.stringify(row)).join('\n')}\n`);
    response.statusCode = 201;
    response.end('{"message":"Written successfully."}');
  });
});
server.listen(0, '127.0.0.1', () =>
  ready({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` }, async () => {
    server.closeAllConnections();
    closeSync(output);
    closeSync(input);
  }),
);
