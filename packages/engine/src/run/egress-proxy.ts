import {
  createServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { connect } from 'node:net';
import type { Duplex } from 'node:stream';
import type { EgressPolicy } from '../egress.ts';

const CONNECT_TIMEOUT_MS = 15_000;

/** Headers that belong to one connection (RFC 9110, 7.6.1) and are not passed on. */
const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/**
 * The way out of a sandbox with an allow-list: an HTTP proxy for plain requests and for tunnels (`CONNECT`, which is
 * how HTTPS passes a proxy). Only hosts of the list are reached, and only at addresses that the egress policy allows.
 *
 * @param hosts entries `host` (every port) or `host:port`
 */
export function createEgressProxy(hosts: readonly string[], policy: EgressPolicy): Server {
  const allowed = new Set(hosts.map((entry) => entry.toLowerCase()));
  const isAllowed = (host: string, port: number) => {
    const name = host.toLowerCase();
    return allowed.has(name) || allowed.has(`${name}:${port}`);
  };
  const server = createServer((request, response) => {
    forwardRequest(request, response, isAllowed, policy).catch(() => {
      if (response.headersSent) response.destroy();
      else refuse(response, 502, 'Host cannot be reached.');
    });
  });
  server.on('connect', (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on('error', () => client.destroy());
    openTunnel(request, client, head, isAllowed, policy).catch(() =>
      client.end('HTTP/1.1 502 Bad Gateway\r\n\r\n'),
    );
  });
  return server;
}

type IsAllowed = (host: string, port: number) => boolean;

async function forwardRequest(
  request: IncomingMessage,
  response: ServerResponse,
  isAllowed: IsAllowed,
  policy: EgressPolicy,
): Promise<void> {
  const target = URL.canParse(request.url ?? '') ? new URL(request.url!) : null;
  if (target?.protocol !== 'http:' || !isAllowed(target.hostname, Number(target.port || 80))) {
    refuse(response, 403, 'Host is not allowed.');
    return;
  }
  const [address] = await policy.resolve(target.hostname);
  const headers = Object.entries(request.headers).filter(([name]) => !HOP_BY_HOP.has(name));
  const outgoing = httpRequest({
    host: address,
    port: Number(target.port || 80),
    method: request.method,
    path: `${target.pathname}${target.search}`,
    headers: { ...Object.fromEntries(headers), host: target.host },
    setHost: false,
  });
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  outgoing.once('error', reject);
  outgoing.once('response', (answer) => {
    const answered = Object.entries(answer.headers).filter(([name]) => !HOP_BY_HOP.has(name));
    response.writeHead(answer.statusCode ?? 502, Object.fromEntries(answered));
    answer.pipe(response);
    answer.once('error', reject);
    response.once('close', resolve);
  });
  response.once('close', () => outgoing.destroy());
  request.pipe(outgoing);
  await promise;
}

async function openTunnel(
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
  isAllowed: IsAllowed,
  policy: EgressPolicy,
): Promise<void> {
  const match = /^(\[[0-9a-f:.]+\]|[^:]+):(\d+)$/i.exec(request.url ?? '');
  const [host, port] = [match?.[1]?.replace(/^\[|\]$/g, '') ?? '', Number(match?.[2])];
  if (!match || !isAllowed(host, port)) {
    client.end('HTTP/1.1 403 Forbidden\r\n\r\n');
    return;
  }
  const [address] = await policy.resolve(host);
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const remote = connect({ host: address!, port, timeout: CONNECT_TIMEOUT_MS });
  remote.once('timeout', () => remote.destroy(new Error('timed out')));
  remote.once('error', reject);
  remote.once('connect', () => {
    remote.setTimeout(0);
    client.write('HTTP/1.1 200 Connection Established\r\n\r\n');
    remote.write(head);
    client.pipe(remote).pipe(client);
    client.once('close', () => remote.destroy());
    remote.once('close', () => client.destroy());
    resolve();
  });
  await promise;
}

function refuse(response: ServerResponse, status: number, message: string): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ message }));
}
