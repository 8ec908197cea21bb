import { connect } from 'node:net';

/** An answer as it came over the wire. */
export interface RawAnswer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Sends bytes over a connection of their own and reads until the server closes it. */
export function exchange(port: number, bytes: string | Uint8Array): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes));
    const parts: Buffer[] = [];
    socket.on('data', (part) => parts.push(part));
    socket.on('close', () => resolve(Buffer.concat(parts).toString('utf8')));
    socket.on('error', reject);
  });
}

/**
 * Sends one request with its target untouched.
 *
 * @param headers `null` removes a header that is sent otherwise
 */
export async function send(
  port: number,
  method: string,
  target: string,
  headers: Readonly<Record<string, string | null>> = {},
  body: string | Uint8Array | null = null,
): Promise<RawAnswer> {
  const bytes = body === null ? Buffer.alloc(0) : Buffer.from(body as string);
  const sent: Record<string, string | null> = { Host: 'cde-container-api', Connection: 'close', ...headers };
  if (body !== null) sent['Content-Length'] = String(bytes.length);
  const lines = Object.entries(sent).flatMap(([name, value]) =>
    value === null ? [] : [`${name}: ${value}\r\n`],
  );
  const head = `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n`;
  return parseAnswer(await exchange(port, Buffer.concat([Buffer.from(head), bytes])));
}

/** Reads one answer; a chunked body is put together. */
export function parseAnswer(text: string): RawAnswer {
  const end = text.indexOf('\r\n\r\n');
  const [first = '', ...lines] = text.slice(0, end).split('\r\n');
  const headers: Record<string, string> = {};
  for (const line of lines)
    headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
  const body = text.slice(end + 4);
  const chunked = headers['transfer-encoding'] === 'chunked';
  return { status: Number(first.split(' ')[1]), headers, body: chunked ? unchunk(body) : body };
}

function unchunk(text: string): string {
  const bytes = Buffer.from(text, 'utf8');
  let body = '';
  for (let at = 0; ; ) {
    const lineEnd = bytes.indexOf('\r\n', at);
    const size = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16);
    if (size === 0) return body;
    body += bytes.toString('utf8', lineEnd + 2, lineEnd + 2 + size);
    at = lineEnd + 2 + size + 2;
  }
}
