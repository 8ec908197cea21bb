import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const root = fileURLToPath(new URL('../../../../', import.meta.url));

/** What each SDK consists of, and where a connector finds it without anything being installed. */
const sdks = [
  {
    manifest: 'package.json',
    name: '@slipway/connector-sdk',
    from: 'packages/connector-sdk',
    parts: ['package.json', 'types.d.ts', 'src'],
    to: 'node_modules/@slipway/connector-sdk',
  },
  {
    manifest: 'requirements.txt',
    name: 'slipway-connector',
    from: 'packages/connector-sdk-python',
    parts: ['slipway_connector'],
    to: '.',
  },
];

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
 * Makes a git repository of an example connector below a folder, with the SDK that its manifest names; one that is there stays
 * as it is, a user may have changed it.
 *
 * @returns its absolute path
 * @throws when git is not installed
 */
export async function ensureRepository(below: string, example: string): Promise<string> {
  const folder = join(below, example);
  if (await exists(folder)) return folder;
  const unfinished = `${folder}.new`;
  await rm(unfinished, { recursive: true, force: true });
  await mkdir(below, { recursive: true });
  await copy(join(root, 'connectors', example), unfinished);
  for (const sdk of sdks) {
    const manifest = await readFile(join(unfinished, sdk.manifest), 'utf8').catch(() => '');
    if (!manifest.includes(sdk.name)) continue;
    for (const part of sdk.parts) await copy(join(root, sdk.from, part), join(unfinished, sdk.to, part));
  }
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

/** Copies a file or folder without what running it has left there. */
const copy = (from: string, to: string): Promise<void> =>
  cp(from, to, { recursive: true, filter: (path) => basename(path) !== '__pycache__' });

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  );
