/**
 * What may stand in a version's VCS configuration (cde-api.md 5.3, product.md 7). Pure text checks, shared by the
 * API, the portal and the checkout. Whether a local folder really lies below the allowed root can only be said
 * with the file system at hand, so the engine checks that again after resolving links.
 */

/** How a repository is accessed. */
export type RepositoryAuthorization = 'public' | 'basic' | 'deploy-key';

/** What besides the network transports is allowed. */
export interface RepositoryUrlOptions {
  /** Accept absolute local paths and `file://` addresses (setting SLIPWAY_ALLOW_LOCAL_REPOSITORIES). */
  readonly allowLocal?: boolean;
}

// Letters, digits, dots and inner dashes, or an IPv6 address in brackets: a leading dash would be read as an option by ssh.
const HOST = String.raw`(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])`;
const PORT = '(?::([1-9][0-9]{0,4}))?';
const USER = '[A-Za-z0-9_][A-Za-z0-9._-]*';
const HTTPS = new RegExp(String.raw`^https://(${HOST})${PORT}/([^\s?#\\]+)$`, 'i');
const SSH = new RegExp(String.raw`^ssh://(?:(${USER})@)?(${HOST})${PORT}/([^\s?#\\]+)$`, 'i');
// `user@host:path`; two colons in a row would name one of git's remote helpers (`ext::`).
const SCP = new RegExp(String.raw`^(${USER})@(${HOST}):(?!:)([^\s\\-][^\s\\]*)$`);

/** The parts of a remote address that decide where a connection goes. */
export interface RepositoryAddress {
  readonly transport: 'https' | 'ssh';
  /** Without the brackets of an IPv6 address, in lower case. */
  readonly host: string;
  readonly port: number;
}

/** Whether a text holds C0 control characters, DEL, or the C1 range. */
function hasControlCharacter(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code < 0x20 || (code >= 0x7f && code <= 0x9f)) return true;
  }
  return false;
}

/**
 * Takes a network repository address apart.
 *
 * @returns null for everything that is neither `https://host[:port]/path` (without user information),
 * `ssh://[user@]host[:port]/path` nor `user@host:path`
 */
export function parseRepositoryUrl(text: string): RepositoryAddress | null {
  if (hasControlCharacter(text) || text.length > 2048) return null;
  const https = HTTPS.exec(text);
  if (https) return address('https', https[1]!, https[2], 443);
  const ssh = SSH.exec(text);
  if (ssh) return address('ssh', ssh[2]!, ssh[3], 22);
  const scp = SCP.exec(text);
  if (scp) return address('ssh', scp[2]!, undefined, 22);
  return null;
}

function address(
  transport: 'https' | 'ssh',
  host: string,
  port: string | undefined,
  defaultPort: number,
): RepositoryAddress | null {
  const number = port === undefined ? defaultPort : Number(port);
  if (number > 65_535) return null;
  return { transport, host: host.replace(/^\[|\]$/g, '').toLowerCase(), port: number };
}

/**
 * The local folder a text names, or null when it names none: an absolute path or `file:///path`.
 * No statement about whether it is allowed.
 */
export function localRepositoryPath(text: string): string | null {
  if (hasControlCharacter(text)) return null;
  if (text.startsWith('/') && !text.startsWith('//')) return text;
  if (!text.toLowerCase().startsWith('file:///')) return null;
  try {
    const path = decodeURIComponent(text.slice('file://'.length));
    return hasControlCharacter(path) || path.startsWith('//') ? null : path;
  } catch {
    return null;
  }
}

/**
 * Whether a text may be saved as a repository address for this way of access. When it may not, the API answers
 * `This value is not a valid repository URL.`
 *
 * @example isRepositoryUrl('https://example.com/a.git', 'public') // true
 * @example isRepositoryUrl('ext::sh -c id', 'public') // false
 */
export function isRepositoryUrl(
  text: string,
  authorization: RepositoryAuthorization,
  options: RepositoryUrlOptions = {},
): boolean {
  if (options.allowLocal && authorization === 'public' && localRepositoryPath(text) !== null) return true;
  const parsed = parseRepositoryUrl(text);
  if (!parsed) return false;
  return parsed.transport === (authorization === 'deploy-key' ? 'ssh' : 'https');
}

/**
 * Whether a text is a legal git branch or tag name (the rules of git-check-ref-format), short enough to store.
 * Refused otherwise with `This value is not valid.`
 */
export function isBranchName(text: string): boolean {
  if (text === '' || text.length > 255 || text === '@' || text === 'HEAD') return false;
  if (hasControlCharacter(text) || /[ ~^:?*[\\]/.test(text)) return false;
  if (text.startsWith('-') || text.startsWith('/') || text.endsWith('/') || text.endsWith('.')) return false;
  if (text.includes('..') || text.includes('@{') || text.includes('//')) return false;
  return text.split('/').every((part) => !part.startsWith('.') && !part.endsWith('.lock'));
}

/** Whether a text is a full commit id or an abbreviated one of at least 7 hex digits. */
export function isCommitId(text: string): boolean {
  return /^[0-9a-f]{7,40}$/i.test(text);
}

/**
 * Whether a text is a relative directory inside a repository, without `..`.
 * Refused otherwise with `This value is not a valid path.`
 */
export function isRepositoryDirectory(text: string): boolean {
  if (text === '' || text.length > 1024 || hasControlCharacter(text)) return false;
  if (text.includes('\\') || text.startsWith('/') || /^[A-Za-z]:/.test(text)) return false;
  // The administrative folder of the checkout is no place for a connector.
  return text.split('/').every((part) => part !== '..' && part.toLowerCase() !== '.git');
}
