import { execFile } from 'node:child_process';
import { cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const examples = fileURLToPath(new URL('../../../../connectors/', import.meta.url));

/** Author and dates are fixed, so that the same example is the same commit on every machine. */
const environment = {
  PATH: process.env.PATH ?? '',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_AUTHOR_NAME: 'Slipway',
  GIT_AUTHOR_EMAIL: 'demo@localhost',
  GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
  GIT_COMMITTER_NAME: 'Slipway',
  GIT_COMMITTER_EMAIL: 'demo@localhost',
  GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
};

/**
 * Makes a git repository of an example connector below `root`; one that is there stays as it is, a user may have
 * changed it.
 *
 * @returns its absolute path
 * @throws when git is not installed
 */
export async function ensureRepository(root: string, example: string): Promise<string> {
  const folder = join(root, example);
  if (await exists(folder)) return folder;
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(root, { recursive: true });
  await cp(join(examples, example), unfinished, { recursive: true });
  const git = (...args: string[]) => promisify(execFile)('git', args, { cwd: unfinished, env: environment });
  try {
    await git('init', '--quiet', '--initial-branch', 'main');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') {
      throw new Error('git is not installed; Slipway needs it to fetch connectors.');
    }
    throw error;
  }
  await git('add', '--all');
  await git('commit', '--quiet', '--message', 'The example connector');
  await rename(unfinished, folder);
  return folder;
}

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
