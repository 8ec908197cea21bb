import { lstat, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { EgressError } from '../egress.ts';
import type { CheckoutRequest } from './checkout-request.ts';
import { openGitSession } from './git-command.ts';
import { GitError, LoggedGit } from './logged-git.ts';
import { RepositoryUrlError, type ResolvedRepository, resolveRepository } from './repository.ts';

/** A repository whose submodules nest deeper is broken or hostile. */
const MAX_DEPTH = 10;

/**
 * Fetches the submodules of a working tree, and theirs, one by one: each address passes the same checks as the
 * repository's own, and credentials go only to the host they belong to.
 *
 * @throws {GitError} as the checkout itself
 */
export async function checkoutSubmodules(
  request: CheckoutRequest,
  parent: ResolvedRepository,
  folder: string,
  depth = 1,
): Promise<void> {
  if (!(await exists(join(folder, '.gitmodules')))) return;
  if (depth > MAX_DEPTH) {
    await request.log('error', 'clone', `Submodules are nested more than ${MAX_DEPTH} levels deep.`);
    throw new GitError(128);
  }
  // Relative addresses (`../other.git`) are resolved against the remote, so init needs one; it holds no credentials.
  const base = await openGitSession(parent, { authorization: 'public' }, request.settings, request.signal);
  let modules: Submodule[];
  try {
    const git = new LoggedGit(base, request, folder);
    await git.must(['config', 'remote.origin.url', parent.url]);
    await git.must(['submodule', '--quiet', 'init']);
    modules = parseModules(
      await git.read(['config', '--get-regexp', String.raw`^submodule\..*\.url$`]),
      await git.read(['config', '--file', '.gitmodules', '--get-regexp', String.raw`^submodule\..*\.path$`]),
    );
  } finally {
    await base.close();
  }
  for (const submodule of modules) {
    const resolved = await checkoutOne(request, parent, folder, submodule);
    const inside = join(folder, submodule.path);
    if (await staysInside(folder, inside)) await checkoutSubmodules(request, resolved, inside, depth + 1);
  }
}

interface Submodule {
  readonly path: string;
  readonly url: string;
}

async function checkoutOne(
  request: CheckoutRequest,
  parent: ResolvedRepository,
  folder: string,
  submodule: Submodule,
): Promise<ResolvedRepository> {
  await request.log('info', 'clone', `Fetching submodule ${submodule.path}.`);
  const resolved = await resolveSubmodule(request, submodule);
  const sameHost =
    resolved.endpoint !== null &&
    resolved.transport === parent.transport &&
    resolved.endpoint.host === parent.endpoint?.host &&
    resolved.endpoint.port === parent.endpoint.port;
  const session = await openGitSession(
    resolved,
    sameHost ? request.access : { authorization: 'public' },
    request.settings,
    request.signal,
  );
  try {
    const git = new LoggedGit(session, request, folder);
    const update = (...depth: string[]) => [
      'submodule',
      'update',
      '--checkout',
      ...depth,
      '--',
      submodule.path,
    ];
    // Some servers refuse the shallow fetch of a bare commit id.
    if (!(await git.try(update('--depth', '1'), { quietWhen: /./ }))) await git.must(update());
  } finally {
    await session.close();
  }
  return resolved;
}

async function resolveSubmodule(request: CheckoutRequest, submodule: Submodule): Promise<ResolvedRepository> {
  const ssh = /^ssh:|^[^/:]+@[^/:]+:/i.test(submodule.url);
  try {
    return await resolveRepository(submodule.url, ssh ? 'deploy-key' : 'public', request.settings);
  } catch (error) {
    if (!(error instanceof RepositoryUrlError || error instanceof EgressError)) throw error;
    await request.log('error', 'clone', request.mask(`Submodule ${submodule.path}: ${error.message}`));
    throw new GitError(128);
  }
}

/** Joins `submodule.<name>.url` and `submodule.<name>.path` lines of git config. */
function parseModules(urls: string, paths: string): Submodule[] {
  const read = (text: string, key: string) =>
    new Map(
      text.split('\n').flatMap((line) => {
        const match = new RegExp(`^submodule\\.(.+)\\.${key} (.+)$`).exec(line);
        return match ? [[match[1]!, match[2]!] as const] : [];
      }),
    );
  const pathOf = read(paths, 'path');
  return [...read(urls, 'url')].flatMap(([name, url]) => {
    const path = pathOf.get(name);
    return path === undefined ? [] : [{ path, url }];
  });
}

async function staysInside(root: string, path: string): Promise<boolean> {
  const real = await realpath(path).catch(() => null);
  return real !== null && !relative(await realpath(root), real).startsWith('..');
}

async function exists(path: string): Promise<boolean> {
  const info = await lstat(path).catch(() => null);
  return info?.isFile() ?? false;
}
