import { realpath } from 'node:fs/promises';
import { isAbsolute, relative, resolve } from 'node:path';
import { isRepositoryUrl, localRepositoryPath, parseRepositoryUrl } from '@slipway/contract';
import type { EgressPolicy } from '../egress.ts';

/** A repository and the way to get in. Values of credentials live as long as the call and are never written out. */
export type RepositoryAccess =
  | { readonly authorization: 'public' }
  | { readonly authorization: 'basic'; readonly username: string; readonly token: string }
  | {
      readonly authorization: 'deploy-key';
      /** OpenSSH private key. */
      readonly privateKey: string;
      /** File in which host keys are pinned on first use; made when it does not exist. */
      readonly knownHostsFile: string;
    };

/** What the server's settings say about git. */
export interface GitSettings {
  readonly egress: EgressPolicy;
  /** The server's PATH: where git, ssh and git-lfs are found. */
  readonly path: string;
  /** Folder below which local repositories are allowed; absent: none are. */
  readonly localRepositoriesRoot?: string;
  /**
   * More variables for git, from the operator alone: proxy settings (`https_proxy`) and own certificates
   * (`GIT_SSL_CAINFO`).
   */
  readonly environment?: Readonly<Record<string, string>>;
}

/** A repository address after all checks: what git is told. */
export interface ResolvedRepository {
  readonly url: string;
  readonly transport: 'https' | 'ssh' | 'file';
  /** Host and port; null for local folders. */
  readonly endpoint: { readonly host: string; readonly port: number; readonly addresses: string[] } | null;
}

/** Thrown when an address is none that may be used. Its message is shown to the user. */
export class RepositoryUrlError extends Error {
  override readonly name = 'RepositoryUrlError';
}

/**
 * Checks a repository address against the contract, the local root and the refused addresses.
 *
 * @throws {RepositoryUrlError} `This value is not a valid repository URL.`
 * @throws {EgressError} when the host does not resolve or its address is refused
 */
export async function resolveRepository(
  url: string,
  authorization: RepositoryAccess['authorization'],
  settings: GitSettings,
): Promise<ResolvedRepository> {
  const root = settings.localRepositoriesRoot;
  if (!isRepositoryUrl(url, authorization, { allowLocal: root !== undefined })) throw invalidUrl();
  const path = localRepositoryPath(url);
  if (path !== null) return { url: await localFolder(path, root), transport: 'file', endpoint: null };
  const address = parseRepositoryUrl(url);
  if (!address) throw invalidUrl();
  const { transport, host, port } = address;
  // Behind the operator's own proxy names may not resolve here at all: then the proxy decides where it connects.
  const proxied = transport === 'https' && hasProxy(settings.environment ?? {});
  const addresses = proxied ? [] : await settings.egress.resolve(host);
  return { url, transport, endpoint: { host, port, addresses } };
}

/** The real path of a local repository, which must lie below the root after all links are resolved. */
async function localFolder(path: string, root: string | undefined): Promise<string> {
  if (root === undefined) throw invalidUrl();
  const real = await realpath(path).catch(() => null);
  const realRoot = await realpath(resolve(root)).catch(() => null);
  // A folder that does not exist and one outside of the root give the same answer, so nobody can explore the disk.
  if (real === null || realRoot === null) throw invalidUrl();
  const inside = relative(realRoot, real);
  if (inside === '..' || inside.startsWith('../') || isAbsolute(inside)) throw invalidUrl();
  return real;
}

function hasProxy(environment: Readonly<Record<string, string>>): boolean {
  return ['https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY'].some((name) => environment[name]);
}

function invalidUrl(): RepositoryUrlError {
  return new RepositoryUrlError('This value is not a valid repository URL.');
}
