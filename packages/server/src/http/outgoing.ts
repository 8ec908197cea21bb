import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { isIP, type LookupFunction } from 'node:net';
import type { EgressPolicy } from '@slipway/engine';
import { version } from '../version.ts';

/** A look-up that answers with addresses that were checked already, whatever the name resolves to by now. */
export function pinnedTo(addresses: readonly string[]): LookupFunction {
  const found = addresses.map((address) => ({ address, family: isIP(address) }));
  return (_host, { all }, done) =>
    all ? done(null, found) : done(null, found[0]?.address ?? '', found[0]?.family);
}

/** Is this host, as it is written, the machine itself? */
export const isLoopback = (host: string): boolean =>
  /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(host.toLowerCase());

export interface OutgoingRequest {
  method: string;
  headers: Record<string, string>;
  body?: unknown;
  signal?: AbortSignal | undefined;
}

/** Longer answers are of no use to anybody here. */
const mostBytes = 1024 * 1024;

/**
 * Fetches like `fetch`, but connects to checked addresses only, follows no redirect and reads at most 1 MiB.
 *
 * @param policyFor which addresses may be reached for an address
 * @throws {EgressError} for a refused address, an error of the socket, or the signal's reason
 */
export const outgoingFetch =
  (policyFor: (url: URL) => EgressPolicy) =>
  async (address: string, { method, headers, body, signal }: OutgoingRequest): Promise<Response> => {
    const url = new URL(address);
    const addresses = await policyFor(url).resolve(url.hostname);
    const content = body === undefined || body === null ? null : Buffer.from(String(body));
    const { promise, resolve, reject } = Promise.withResolvers<Response>();
    const request = (url.protocol === 'https:' ? requestHttps : requestHttp)(url, {
      method,
      lookup: pinnedTo(addresses),
      agent: false,
      ...(signal ? { signal } : {}),
      headers: {
        ...headers,
        'user-agent': `Slipway/${version}`,
        ...(content === null ? {} : { 'content-length': content.length }),
      },
    });
    request.on('error', reject);
    request.on('response', (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > mostBytes) request.destroy(new Error(`${url.host} answered with more than 1 MiB.`));
        else chunks.push(chunk);
      });
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode as number;
        const found = Object.entries(response.headersDistinct).flatMap(([name, values]) =>
          (values ?? []).map((value): [string, string] => [name, value]),
        );
        // A response of these carries no body (Fetch standard), and Response takes none for them.
        const empty = [101, 204, 205, 304].includes(status);
        resolve(new Response(empty ? null : Buffer.concat(chunks), { status, headers: found }));
      });
    });
    request.end(content ?? undefined);
    return promise;
  };
