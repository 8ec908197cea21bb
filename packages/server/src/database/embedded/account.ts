import { execFile, spawn } from 'node:child_process';
import { access, constants, stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The user PostgreSQL runs as; null = the user of this process. */
export type Account = { uid: number; gid: number } | null;

/** In this order: our own user, made when missing; one that PostgreSQL packages make, where users cannot be added. */
const own = 'slipway-db';
const fallback = 'postgres';

/**
 * PostgreSQL refuses to run as root; a server started as root runs it as a system user without rights or password.
 *
 * @param dataFolder an existing cluster keeps its owner, whoever that is
 */
export async function chooseAccount(dataFolder: string, log: (message: string) => void): Promise<Account> {
  if (process.getuid?.() !== 0) return null;
  const owner = await stat(dataFolder).catch(() => null);
  if (owner !== null && owner.uid !== 0) return { uid: owner.uid, gid: owner.gid };
  return (await findUser(own)) ?? (await makeUser(log)) ?? (await findUser(fallback)) ?? refuse();
}

async function findUser(name: string): Promise<Account> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}

async function makeUser(log: (message: string) => void): Promise<Account> {
  const options = ['--system', '--user-group', '--no-create-home', '--home-dir', '/nonexistent'];
  try {
    await run('useradd', [...options, '--shell', '/usr/sbin/nologin', own], {
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' },
    });
    log(`Made the system user ${own}: PostgreSQL does not run as root`);
  } catch {
    // Two servers may make the user at the same time, and users cannot be added everywhere.
  }
  return findUser(own);
}

function refuse(): never {
  throw new Error(
    `PostgreSQL does not run as root, and the system user ${own} could not be made. Start Slipway as an ordinary user, ` +
      `make the user (useradd --system ${own}), or name a PostgreSQL server with SLIPWAY_DATABASE_URL.`,
  );
}

/**
 * May the account use the folder, and every folder above it? Asked from the system by trying, since permissions, access
 * lists and mounts all have a say.
 */
export function mayEnter(account: Account, folder: string): Promise<boolean> {
  if (account === null) return access(folder, constants.R_OK | constants.X_OK).then(yes, no);
  return asks(account, ['-r', folder, '-a', '-x', folder]);
}

/** May the account run the program and read the file beside it? */
export function mayRun(account: Account, program: string, file: string): Promise<boolean> {
  if (account === null) return access(program, constants.X_OK).then(yes, no);
  return asks(account, ['-x', program, '-a', '-r', file]);
}

function asks(account: NonNullable<Account>, test: string[]): Promise<boolean> {
  return new Promise((resolve, reject) => {
    // From the root folder: where this process stands, the account may not be.
    const child = spawn('test', test, {
      ...account,
      cwd: '/',
      stdio: 'ignore',
      env: { PATH: '/usr/bin:/bin' },
    });
    child.once('error', reject);
    child.once('exit', (code) => resolve(code === 0));
  });
}

const yes = () => true;
const no = () => false;
