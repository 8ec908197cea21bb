import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chown, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { serverOptions } from './options.ts';
import type { Place } from './place.ts';
import { commandLine, isAlive, waitForEnd } from './processes.ts';

/** The superuser of the embedded cluster, and the name of its one database. */
export const databaseUser = 'slipway';

/** Nothing of our own environment goes to PostgreSQL: it holds secrets, and PG… variables would change its ways. */
const environment = { PATH: '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };

/**
 * Makes an empty cluster in a folder beside its place and moves it there when it is complete; what a crash left half is
 * swept away by the next attempt.
 */
export async function initialise(place: Place, password: string, durable: boolean): Promise<void> {
  for (const name of await readdir(place.cluster)) {
    // An initdb that survived its server may still be writing there; what it leaves is swept away next time.
    if (name.startsWith('draft-'))
      await rm(join(place.cluster, name), { recursive: true, force: true }).catch(() => {});
  }
  const draft = join(place.cluster, `draft-${randomUUID().slice(0, 8)}`);
  const passwordFile = `${draft}.password`;
  await writeFile(passwordFile, `${password}\n`, { mode: 0o600 });
  if (place.account !== null) await chown(passwordFile, place.account.uid, place.account.gid);
  try {
    await runInitdb(place, [
      `--pgdata=${draft}`,
      `--username=${databaseUser}`,
      `--pwfile=${passwordFile}`,
      '--auth=scram-sha-256',
      '--encoding=UTF8',
      '--locale=C',
      '--locale-provider=builtin',
      '--builtin-locale=C.UTF-8',
      '--no-instructions',
      ...(durable ? [] : ['--no-sync']),
    ]);
    await rename(draft, place.data);
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

function runInitdb(place: Place, args: string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(place.binaries.initdb, args, {
      ...place.account,
      cwd: place.cluster,
      env: environment,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaint = '';
    child.stderr.on('data', (chunk: Buffer) => {
      complaint += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (code, signal) => {
      if (code === 0) resolve();
      else
        reject(
          new Error(`The database could not be prepared (initdb: ${code ?? signal}): ${complaint.trim()}`),
        );
    });
  });
}

/**
 * Starts the server process in a session of its own: Ctrl-C in the terminal reaches everything of our session at once, and
 * the database must outlive the work that is still being finished.
 *
 * @param logFile PostgreSQL's own messages; a file and not a pipe, so that it can live on without us
 */
export async function launch(
  place: Place,
  { port, logFile, durable }: { port: number; logFile: string; durable: boolean },
): Promise<ChildProcess> {
  const log = await open(logFile, 'a', 0o600);
  try {
    const child = spawn(
      place.binaries.postgres,
      ['-D', place.data, ...serverOptions({ port, durable }).flatMap((option) => ['-c', option])],
      {
        ...place.account,
        cwd: place.data,
        env: environment,
        stdio: ['ignore', log.fd, log.fd],
        detached: true,
      },
    );
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    return child;
  } finally {
    await log.close();
  }
}

/** The living server of this cluster as its own pid file tells, with the port it listens on. */
export async function findRunning(data: string): Promise<{ pid: number; port: number } | null> {
  const lines = (await readFile(join(data, 'postmaster.pid'), 'utf8').catch(() => '')).split('\n');
  const [pid, port] = [Number(lines[0]), Number(lines[3])];
  if (!Number.isInteger(pid) || pid <= 0 || !isAlive(pid)) return null;
  return (await worksOn(pid, data)) ? { pid, port } : null;
}

/**
 * PostgreSQL ignores the pid file of a process that is gone, yet not one whose number went to another program; such a file
 * is removed. Only for a cluster that has no running server.
 */
export async function removeForeignPidFile(data: string): Promise<void> {
  const file = join(data, 'postmaster.pid');
  const pid = Number((await readFile(file, 'utf8').catch(() => '')).split('\n')[0]);
  if (pid > 0 && isAlive(pid)) await rm(file, { force: true });
}

/** A server's working folder is its data folder. Where that cannot be read, its command line names the folder. */
async function worksOn(pid: number, data: string): Promise<boolean> {
  try {
    const [there, here] = await Promise.all([stat(`/proc/${pid}/cwd`), stat(data)]);
    return there.dev === here.dev && there.ino === here.ino;
  } catch {
    return (await commandLine(pid))?.includes(` -D ${data} `) ?? false;
  }
}

/**
 * PostgreSQL's fast shutdown: sessions are ended, the data are put in order. Harder when that takes too long. A process
 * that is not (any more) the server of `data` is left alone.
 */
export async function halt(pid: number, data: string): Promise<void> {
  for (const [signal, patience] of [
    ['SIGINT', 20_000],
    ['SIGQUIT', 5_000],
    ['SIGKILL', 5_000],
  ] as const) {
    if (!(await worksOn(pid, data))) return;
    process.kill(pid, signal);
    if (await waitForEnd(pid, patience)) return;
  }
  throw new Error(`PostgreSQL (process ${pid}) does not end.`);
}

/** Release of the installed programs, for example `18.4`. */
export async function installedVersion(place: Place): Promise<string> {
  const { stdout } = await promisify(execFile)(place.binaries.postgres, ['--version'], {
    ...place.account,
    cwd: '/',
    env: environment,
  });
  const version = /\d+(\.\d+)*/.exec(stdout)?.[0];
  if (version === undefined)
    throw new Error(`${place.binaries.postgres} does not tell its version: ${stdout}`);
  return version;
}
