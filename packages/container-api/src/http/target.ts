import { isIP } from 'node:net';

/** What a request asks for, and whether that is here. */
export type Target =
  | { readonly kind: 'here'; readonly path: string }
  /** Absolute form with another host: `host` is as written, without brackets. */
  | { readonly kind: 'elsewhere'; readonly host: string; readonly port: number; readonly path: string }
  | { readonly kind: 'refused' };

const FIXED_NAME = 'cde-container-api';
/** `host`, `host:port`, `[v6]`, `[v6]:port`. */
const AUTHORITY = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::([0-9]*))?$/;
const ABSOLUTE = /^http:\/\/([^/?#]*)(.*)$/i;

/** The rules of container-api.md 2.1 about hosts, for one sidecar. */
export class HostRule {
  readonly #publicHost: string | null;
  #port = 0;
  /** The header that was accepted last: a connector sends the same with each call. */
  #accepted: string | null = null;

  /** @param publicUrl base URL that the connector is told */
  constructor(publicUrl: string | null) {
    this.#publicHost =
      publicUrl === null ? null : new URL(publicUrl).hostname.replace(/^\[|\]$/g, '').toLowerCase();
  }

  /** @param port the port that is listened on */
  listens(port: number): void {
    this.#port = port;
  }

  /** Finds out where a request goes. */
  resolve(target: string, hostHeader: string | undefined, httpVersion: string): Target {
    const absolute = target.startsWith('/') ? null : ABSOLUTE.exec(target);
    if (!absolute) {
      const missing = hostHeader === undefined && httpVersion === '1.0';
      return missing || this.#accepts(hostHeader) ? { kind: 'here', path: target } : { kind: 'refused' };
    }
    const [, authority, rest] = absolute;
    const path = rest!.startsWith('/') ? rest! : `/${rest}`;
    const address = readAuthority(authority!);
    if (!address) return { kind: 'refused' };
    const { host, port } = address;
    if (this.#isOwn(host)) {
      // Other ports of this machine are nobody's business.
      const ownPort = port === null || port === 80 || port === this.#port;
      return ownPort ? { kind: 'here', path } : { kind: 'refused' };
    }
    return { kind: 'elsewhere', host, port: port ?? 80, path };
  }

  #accepts(header: string | undefined): boolean {
    if (header === undefined) return false;
    if (header === this.#accepted) return true;
    const address = readAuthority(header);
    if (address === null || !this.#isOwn(address.host)) return false;
    this.#accepted = header;
    return true;
  }

  #isOwn(host: string): boolean {
    const name = host.toLowerCase();
    return name === FIXED_NAME || name === 'localhost' || isIP(host) !== 0 || name === this.#publicHost;
  }
}

function readAuthority(text: string): { host: string; port: number | null } | null {
  // Names and passwords in front of the host are not part of it.
  const match = AUTHORITY.exec(text.slice(text.lastIndexOf('@') + 1));
  if (!match) return null;
  const host = match[1] ?? match[2] ?? '';
  if (host === '') return null;
  const port = match[3] === undefined || match[3] === '' ? null : Number(match[3]);
  return { host, port };
}

const FILE_ROUTE = /^\/(?:buckets\/exchange\/(?:upload|download)|buckets\/delete)\//;

/**
 * The path in the form in which routes are declared: several slashes count as one and one at the end is ignored, both
 * outside of a remote file.
 *
 * @param path path and query as received
 */
export function normalizePath(path: string): { readonly path: string; readonly query: string } {
  const queryAt = path.indexOf('?');
  const raw = queryAt === -1 ? path : path.slice(0, queryAt);
  const query = queryAt === -1 ? '' : path.slice(queryAt + 1);
  if (!raw.includes('//') && (raw.length === 1 || !raw.endsWith('/'))) return { path: raw, query };
  return { path: withoutSpareSlashes(raw), query };
}

function withoutSpareSlashes(raw: string): string {
  const collapsed = raw.replaceAll(/\/{2,}/g, '/');
  const file = FILE_ROUTE.exec(collapsed);
  if (!file) return collapsed.length > 1 && collapsed.endsWith('/') ? collapsed.slice(0, -1) : collapsed;
  // The remote file keeps its own slashes: skip as many path segments of the original as the route has.
  let rest = raw;
  for (const segment of file[0].split('/').filter(Boolean)) {
    rest = rest.replace(/^\/+/, '').slice(segment.length);
  }
  return file[0] + rest.slice(1);
}
