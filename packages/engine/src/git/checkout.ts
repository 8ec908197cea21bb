import { access as fileAccess, mkdir } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isBranchName, isCommitId } from '@slipway/contract';
import { EgressError } from '../egress.ts';
import type { CheckoutRequest } from './checkout-request.ts';
import { openGitSession } from './git-command.ts';
import { GitError, LoggedGit, MISSING_REF } from './logged-git.ts';
import { RepositoryUrlError, type ResolvedRepository, resolveRepository } from './repository.ts';
import { checkoutSubmodules } from './submodules.ts';

/** The exit code git itself uses for everything that is fatal; also used for refusals before git is asked. */
const GIT_FATAL = 128;

/**
 * Fetches one commit of a repository, as shallow as the server allows, with its submodules and LFS files.
 *
 * @returns the full 40-digit commit id
 * @throws {GitError} with git's exit code; git's own message went to the log, masked
 * @throws the abort reason when the signal fired; git's whole process group is then gone
 */
export async function checkout(request: CheckoutRequest): Promise<string> {
  const repository = await resolveForCheckout(request);
  if (!isBranchName(request.branch) || (request.commit !== undefined && !isCommitId(request.commit))) {
    await request.log('error', 'clone', 'The branch or commit is not valid.');
    throw new GitError(GIT_FATAL);
  }
  const session = await openGitSession(repository, request.access, request.settings, request.signal);
  try {
    await mkdir(request.target, { recursive: true });
    const git = new LoggedGit(session, request, request.target);
    await git.must(['init', '--quiet', '--template=', '--', '.']);
    await fetchCommit(git, repository, request);
    const commit = (await git.read(['rev-parse', '--verify', 'HEAD^{commit}'])).trim();
    await checkoutSubmodules(request, repository, request.target);
    await fetchLargeFiles(git, repository, request);
    await request.log('info', 'clone', `Checked out commit ${commit}.`);
    return commit;
  } finally {
    await session.close();
  }
}

async function resolveForCheckout(request: CheckoutRequest): Promise<ResolvedRepository> {
  try {
    return await resolveRepository(request.url, request.access.authorization, request.settings);
  } catch (error) {
    if (!(error instanceof RepositoryUrlError || error instanceof EgressError)) throw error;
    await request.log('error', 'clone', error.message);
    throw new GitError(GIT_FATAL);
  }
}

async function fetchCommit(git: LoggedGit, repository: ResolvedRepository, request: CheckoutRequest) {
  const { branch, commit } = request;
  if (commit === undefined) {
    const shallow = (ref: string) => ['fetch', '--depth', '1', '--no-tags', '--', repository.url, ref];
    const found =
      (await git.try(shallow(`refs/heads/${branch}`), { quietWhen: MISSING_REF })) ||
      (await git.try(shallow(`refs/tags/${branch}`), { quietWhen: MISSING_REF }));
    if (!found) {
      if (git.refIsMissing) await request.log('error', 'clone', `Branch ${branch} was not found.`);
      throw new GitError(git.lastCode);
    }
    await git.must(['checkout', '--quiet', '--detach', 'FETCH_HEAD']);
    return;
  }
  const wanted = commit.toLowerCase();
  const full = wanted.length === 40;
  // Servers may refuse a bare commit id, and none takes an abbreviated one: then the history has to come along.
  const exact =
    full &&
    (await git.try(['fetch', '--depth', '1', '--no-tags', '--', repository.url, wanted], { quietWhen: /./ }));
  if (!exact) {
    await request.log('info', 'clone', 'Fetching the history to find the commit.');
    await git.must([
      ...['fetch', '--no-tags', '--', repository.url],
      ...['+refs/heads/*:refs/slipway/heads/*', '+refs/tags/*:refs/slipway/tags/*'],
    ]);
    if (!(await git.try(['rev-parse', '--quiet', '--verify', `${wanted}^{commit}`], { quietWhen: /./ }))) {
      await request.log('error', 'clone', `Commit ${commit} was not found.`);
      throw new GitError(GIT_FATAL);
    }
  }
  await git.must(['checkout', '--quiet', '--detach', wanted]);
}

async function fetchLargeFiles(git: LoggedGit, repository: ResolvedRepository, request: CheckoutRequest) {
  const uses = await git.read([
    'grep',
    '--name-only',
    '-e',
    'filter=lfs',
    '--',
    '.gitattributes',
    '*/.gitattributes',
  ]);
  if (uses.trim() === '') return;
  if (repository.transport === 'ssh' || !(await isInstalled('git-lfs', request.settings.path))) {
    await request.log(
      'warning',
      'clone',
      'The repository uses Git LFS, which is not available here: its large files are pointers only.',
    );
    return;
  }
  // Only the repository's own server: an address in .lfsconfig could lead anywhere.
  const options = [`lfs.url=${lfsUrl(repository)}`, ...LFS_FILTER].flatMap((option) => ['-c', option]);
  const remote = repository.transport === 'file' ? lfsUrl(repository) : repository.url;
  await git.must([...options, 'lfs', 'pull', remote]);
}

/** Without them git-lfs takes itself for not installed, fetches the files and leaves the pointers where they are. */
const LFS_FILTER = [
  'filter.lfs.clean=git-lfs clean -- %f',
  'filter.lfs.smudge=git-lfs smudge -- %f',
  'filter.lfs.required=true',
];

function lfsUrl({ transport, url }: ResolvedRepository): string {
  if (transport !== 'https') return pathToFileURL(url).href;
  return `${url.replace(/\/+$/, '').replace(/(\.git)?$/, '.git')}/info/lfs`;
}

async function isInstalled(program: string, path: string): Promise<boolean> {
  const tries = await Promise.allSettled(
    path.split(delimiter).map((folder) => fileAccess(join(folder, program), 1)),
  );
  return tries.some((result) => result.status === 'fulfilled');
}
