import { tmpdir } from 'node:os';
import { EgressError } from '../egress.ts';
import type { Mask } from '../log.ts';
import { openGitSession } from './git-command.ts';
import {
  type GitSettings,
  type RepositoryAccess,
  RepositoryUrlError,
  resolveRepository,
} from './repository.ts';

/** A repository to be tried out. */
export interface ProbeRequest {
  readonly url: string;
  readonly access: RepositoryAccess;
  readonly branch: string;
  readonly settings: GitSettings;
  readonly mask: Mask;
  readonly signal?: AbortSignal;
  /** Only tests wait for less than the contract's 15 seconds. */
  readonly timeoutMs?: number;
}

const PROBE_TIMEOUT_MS = 15_000;
const MAX_REASON_LENGTH = 1_000;

/**
 * Whether a repository can be read and has the branch (or tag): `git ls-remote` with a limit of 15 seconds.
 *
 * @returns null when all is well, otherwise the reason for the user: git's own words with credentials masked,
 * `Branch main was not found.` or `The repository did not answer within 15 seconds.`
 */
export async function probeRepository(request: ProbeRequest): Promise<string | null> {
  const timeout = AbortSignal.timeout(request.timeoutMs ?? PROBE_TIMEOUT_MS);
  const signal = request.signal ? AbortSignal.any([request.signal, timeout]) : timeout;
  try {
    return await askRepository(request, signal);
  } catch (error) {
    if (error instanceof RepositoryUrlError || error instanceof EgressError) return error.message;
    // The caller's own signal wins: a request that is gone needs no reason.
    request.signal?.throwIfAborted();
    if (timeout.aborted) return 'The repository did not answer within 15 seconds.';
    throw error;
  }
}

async function askRepository(request: ProbeRequest, signal: AbortSignal): Promise<string | null> {
  const resolving = resolveRepository(request.url, request.access.authorization, request.settings);
  const repository = await Promise.race([resolving, rejection(signal)]);
  const session = await openGitSession(repository, request.access, request.settings, signal);
  try {
    const words: string[] = [];
    const refs = new Set<string>();
    const end = await session.run(['ls-remote', '--heads', '--tags', '--', repository.url], {
      cwd: tmpdir(),
      onLine: (stream, line) => {
        if (stream === 'stderr') words.push(line);
        else if (isWanted(line, request.branch)) refs.add(line);
      },
    });
    if (end.startError) return `git could not be started: ${end.startError}`;
    if (end.code !== 0) return request.mask(reasonOf(words, end.code));
    return refs.size > 0 ? null : `Branch ${request.branch} was not found.`;
  } finally {
    await session.close();
  }
}

function isWanted(line: string, branch: string): boolean {
  const ref = line.split('\t')[1];
  return ref === `refs/heads/${branch}` || ref === `refs/tags/${branch}`;
}

/** A name look-up can not be aborted, so it is left behind when the time is up. */
function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  if (signal.aborted) reject(signal.reason);
  promise.catch(() => {});
  return promise;
}

/** git's words as one line, without its prefixes and its general advice. */
function reasonOf(lines: readonly string[], exitCode: number): string {
  const words = lines
    .map((line) => line.replace(/^(fatal|error|remote):\s*/i, '').trim())
    .filter((line) => line !== '' && !/^(Please make sure|and the repository exists)/.test(line));
  return words.join(' ').slice(0, MAX_REASON_LENGTH) || `git ended with exit code ${exitCode}.`;
}
