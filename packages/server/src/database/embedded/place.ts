import { randomUUID } from 'node:crypto';
import { chmod, chown, cp, mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, chooseAccount, mayEnter, mayRun } from './account.ts';
import { type Binaries, findBinaries, withFolder } from './binaries.ts';
import type { Record } from './record.ts';

/** Where root puts what PostgreSQL's user must reach and cannot reach in the home folder or in node_modules. */
export const defaultOutside = '/var/lib/slipway';

/** Everything needed to run the cluster of one home folder. */
export interface Place {
  account: Account;
  binaries: Binaries;
  /** Belongs to the account, and no one else may look into it. */
  cluster: string;
  data: string;
  /** A cluster stands there already. */
  filled: boolean;
}

/** Only root needs a way through for another user; what lies inside has permissions of its own. */
const passage = () => (process.getuid?.() === 0 ? 0o711 : 0o700);

/** Makes the home folder and our own folder in it. The permissions of a home folder that was there are left alone. */
export async function makeHome(home: string): Promise<string> {
  if ((await mkdir(home, { recursive: true, mode: passage() })) !== undefined) await chmod(home, passage());
  const folder = join(home, 'postgres');
  if ((await mkdir(folder, { recursive: true })) !== undefined) await chmod(folder, passage());
  return folder;
}

/**
 * Decides who runs PostgreSQL, from where, and where its data lie. As root, the data of a new home move to `outside` when
 * the user that PostgreSQL runs as cannot enter the home folder; `record` then says so.
 *
 * @param folder our folder in the home folder
 * @throws when the data of an existing home are gone or out of reach
 */
export async function findPlace(
  folder: string,
  record: Record,
  outside: string,
  log: (message: string) => void,
): Promise<Place> {
  const inside = join(folder, 'cluster');
  let cluster = record.outside ?? inside;
  const account = await chooseAccount(join(cluster, 'data'), log);
  const filled = await stat(join(cluster, 'data', 'PG_VERSION')).then(
    () => true,
    () => false,
  );
  if (record.complete && !filled) {
    throw new Error(
      `The database of ${folder} lay in ${join(cluster, 'data')}, which is gone. ` +
        `Bring it back, or delete ${folder} to start with an empty one.`,
    );
  }
  if (!filled) await makeCluster(cluster, account);
  if (!(await mayEnter(account, cluster))) {
    if (filled || account === null) {
      throw new Error(
        `The user PostgreSQL runs as (uid ${account?.uid ?? process.getuid?.()}) cannot enter ${cluster}. ` +
          'Give it the right to pass through the folders above, or move the home folder to where it may.',
      );
    }
    await rm(cluster, { recursive: true, force: true });
    cluster = await makeOutside(outside, folder, account);
    record.outside = cluster;
    log(`PostgreSQL's user cannot enter ${folder}; the data lie in ${cluster}`);
  }
  const binaries = await reachableBinaries(await findBinaries(), account, outside, log);
  return { account, binaries, cluster, data: join(cluster, 'data'), filled };
}

async function makeCluster(cluster: string, account: Account): Promise<void> {
  await mkdir(cluster, { recursive: true, mode: 0o700 });
  await chmod(cluster, 0o700);
  if (account !== null) await chown(cluster, account.uid, account.gid);
}

async function makeOutside(outside: string, folder: string, account: Account): Promise<string> {
  await makePassable(outside);
  const cluster = join(outside, randomUUID().slice(0, 8));
  await makeCluster(cluster, account);
  // For the administrator who wonders whose data these are.
  await writeFile(join(cluster, 'belongs-to'), `${folder}\n`);
  return cluster;
}

async function makePassable(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o711);
}

/** The installed programs, or a copy of them where the account cannot reach node_modules. */
export async function reachableBinaries(
  installed: Binaries,
  account: Account,
  outside: string,
  log: (message: string) => void,
): Promise<Binaries> {
  if (await canUse(account, installed)) return installed;
  if (account === null)
    throw new Error(`PostgreSQL's programs in ${installed.folder} may not be run by this user.`);
  const shelf = join(outside, 'programs');
  const copy = withFolder(join(shelf, `${installed.release}-${process.arch}`), installed.release);
  if (await canUse(account, copy)) return copy;
  log(`PostgreSQL's user cannot enter ${installed.folder}; copying the programs to ${copy.folder}`);
  await makePassable(outside);
  await makePassable(shelf);
  const draft = join(shelf, randomUUID());
  try {
    await cp(installed.folder, draft, { recursive: true, verbatimSymlinks: true });
    await openForAll(draft);
    await rm(copy.folder, { recursive: true, force: true });
    await rename(draft, copy.folder);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
  return copy;
}

const canUse = async (account: Account, binaries: Binaries): Promise<boolean> =>
  (await mayRun(account, binaries.initdb, join(binaries.folder, 'share', 'postgresql', 'postgres.bki'))) &&
  (await mayRun(account, binaries.postgres, join(binaries.folder, 'lib')));

/** Whoever installed the original may have kept it to themselves; the programs are no secret. */
async function openForAll(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true, recursive: true })) {
    const path = join(entry.parentPath, entry.name);
    if (entry.isDirectory()) await chmod(path, 0o755);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}
