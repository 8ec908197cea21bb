import { Agent, request } from 'node:http';
import type { Operation } from '@slipway/contract';
import type { Attempt, Base } from './attempt.ts';
import { jsonOf } from './bad-values.ts';
import type { World } from './world.ts';

/** What came back; `error` when nothing did. */
export interface Received {
  status: number;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
  text: string;
  error?: string;
}

const agent = new Agent({ keepAlive: true, maxSockets: 8 });
const patience = 30_000;
let addresses = 0;

/** Sends the valid request with one thing changed. Paths go out as they are: `fetch` would tidy them up first. */
export function send(
  operation: Operation,
  base: Base,
  attempt: Partial<Attempt>,
  world: World,
): Promise<Received> {
  const { hostname, port } = new URL(world.server.url);
  const given = bodyOf(base);
  const body = attempt.body ?? given.body;
  return new Promise((resolve) => {
    const failed = (error: string): void => resolve({ status: 0, body: undefined, text: '', error });
    const asked = request(
      {
        agent,
        hostname,
        port,
        method: operation.method,
        path: addressOf(operation, base, attempt),
        headers: {
          authorization: `Bearer ${base.token ?? world.admin.token}`,
          'x-forwarded-for': addressNumber(addresses++),
          ...(body === undefined
            ? {}
            : { 'content-type': attempt.body === undefined ? given.type : 'application/json' }),
          ...lowerCase(attempt.headers),
          ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        },
        timeout: patience,
      },
      (response) => {
        const isStream = response.headers['content-type']?.startsWith('text/event-stream') ?? false;
        const chunks: Buffer[] = [];
        const done = (): void => {
          const text = Buffer.concat(chunks).toString();
          const isJson = response.headers['content-type']?.startsWith('application/json') ?? false;
          resolve({ status: response.statusCode ?? 0, text, body: isJson ? parse(text) : undefined });
        };
        // A stream of events stays open; that it began is what was asked for.
        if (isStream) {
          response.destroy();
          done();
          return;
        }
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', done);
        response.on('error', ({ message }) => failed(message));
      },
    );
    asked.on('timeout', () => asked.destroy(new Error(`no answer within ${patience / 1000} s`)));
    asked.on('error', ({ message }) => failed(message));
    asked.end(body);
  });
}

/** Answers are JSON when they say so; undefined shows up as a wrong form. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const lowerCase = (headers: Record<string, string> = {}): Record<string, string> =>
  Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));

const addressNumber = (number: number): string =>
  `10.${(number >> 16) & 255}.${(number >> 8) & 255}.${number & 255}`;

function addressOf(operation: Operation, base: Base, attempt: Partial<Attempt>): string {
  const path = operation.path.replace(/\{(\w+)\}/g, (_whole, name: string) => {
    const value = attempt.params?.[name] ?? base.params?.[name];
    if (value === undefined) throw new Error(`The fixture of ${operation.id} gives no {${name}}.`);
    return value;
  });
  const changed = new Set(attempt.query?.map(([name]) => name));
  const query = [
    ...Object.entries(base.query ?? {}).filter(([name]) => !changed.has(name)),
    ...(attempt.query ?? []),
  ];
  return query.length === 0 ? path : `${path}?${query.map((pair) => pair.join('=')).join('&')}`;
}

const boundary = 'form-of-the-tests';

function bodyOf({ body, file }: Base): { body: string | undefined; type: string } {
  if (file === undefined) {
    return { body: body === undefined ? undefined : jsonOf(body), type: 'application/json' };
  }
  const head = 'content-disposition: form-data; name="logo"; filename="logo.svg"';
  return {
    body: `--${boundary}\r\n${head}\r\n\r\n${file}\r\n--${boundary}--\r\n`,
    type: `multipart/form-data; boundary=${boundary}`,
  };
}
