import { Agent, request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { LookupFunction } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { ForwardPolicy } from '../run-context.ts';

/** Headers that belong to one connection, not to the message (RFC 9110, 7.6.1). */
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

/** Knows the machine's own proxy, by the variables that most programs honour (`http_proxy`, `no_proxy`). */
const agent = new Agent({ proxyEnv: process.env });

/** Whether the policy lets requests through to a host. */
export function mayForward(policy: ForwardPolicy, host: string, port: number): boolean {
  if (policy.mode !== 'allow-list') return policy.mode === 'open';
  const name = host.toLowerCase();
  return policy.hosts.some((entry) => {
    const allowed = entry.toLowerCase();
    return allowed === name || allowed === `${name}:${port}`;
  });
}

/** Where a request is to go. */
export interface Destination {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** Resolves the host; the system does when left out. */
  readonly lookup?: LookupFunction | undefined;
}

/**
 * Passes a request on and its answer back, both streamed and unchanged but for hop-by-hop headers. If the machine has an
 * HTTP proxy (`http_proxy`, `no_proxy`), the request goes through it.
 *
 * @returns false when the host could not be reached: nothing was answered yet
 */
export async function forward(
  incoming: IncomingMessage,
  response: ServerResponse,
  destination: Destination,
): Promise<boolean> {
  const { host, port, path, lookup } = destination;
  const bracketed = host.includes(':') ? `[${host}]` : host;
  const authority = port === 80 ? bracketed : `${bracketed}:${port}`;
  const outgoing = httpRequest({
    host,
    port,
    path,
    method: incoming.method,
    headers: endToEnd(incoming.rawHeaders, authority),
    setDefaultHeaders: false,
    agent,
    ...(lookup ? { lookup } : {}),
  });
  response.once('close', () => outgoing.destroy());
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
  });
  const sending = pipeline(incoming, outgoing).catch(() => {});
  try {
    const answer = await answered;
    response.writeHead(answer.statusCode!, answer.statusMessage, endToEnd(answer.rawHeaders, null));
    await pipeline(answer, response);
    await sending;
    return true;
  } catch (error) {
    if (!response.headersSent) return false;
    response.destroy(error as Error);
    return true;
  }
}

/** Raw headers without those of the connection; `host` replaces the header of that name. */
function endToEnd(raw: readonly string[], host: string | null): string[] {
  const named = new Set(HOP_BY_HOP);
  for (let index = 0; index < raw.length; index += 2) {
    if (raw[index]!.toLowerCase() !== 'connection') continue;
    for (const name of raw[index + 1]!.split(',')) named.add(name.trim().toLowerCase());
  }
  const kept: string[] = [];
  if (host !== null) kept.push('Host', host);
  for (let index = 0; index < raw.length; index += 2) {
    const name = raw[index]!.toLowerCase();
    if (named.has(name) || (host !== null && name === 'host')) continue;
    kept.push(raw[index]!, raw[index + 1]!);
  }
  // A body whose length is not told keeps its form: chunked.
  if (
    host !== null &&
    raw.some((name, index) => index % 2 === 0 && name.toLowerCase() === 'transfer-encoding')
  ) {
    kept.push('Transfer-Encoding', 'chunked');
  }
  return kept;
}
