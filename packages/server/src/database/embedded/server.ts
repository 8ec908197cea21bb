import type { ChildProcess } from 'node:child_process';
import { chmod, open, realpath, rename, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { databaseUser, launch, removeForeignPidFile } from './cluster.ts';
import type { Place } from './place.ts';
import { isAlive } from './processes.ts';
import type { Record } from './record.ts';

/** A server process that answers. */
export interface Server {
  pid: number;
  data: string;
  url: string;
  version: string;
}

/** Crash recovery reads back what a busy server wrote since its last checkpoint; it takes seconds, rarely minutes. */
const startPatience = 300_000;

/**
 * Uses on the server that an earlier start left behind.
 *
 * @returns null when it has to be replaced: it is of another release, at work on a folder that has moved, or it does not
 * answer in time
 */
export async function adopt(
  left: { pid: number; port: number },
  { place, password, version }: { place: Place; password: string; version: string },
): Promise<Server | null> {
  const url = addressOf(left.port, password);
  const deadline = performance.now() + 10_000;
  while (isAlive(left.pid) && performance.now() < deadline) {
    const answer = await ask(url);
    if (answer.kind === 'up') {
      const same = answer.version === version && answer.data === (await realpath(place.data));
      return same ? { pid: left.pid, data: place.data, url, version } : null;
    }
    if (answer.kind === 'refused') return null;
    await sleep(50);
  }
  return null;
}

/**
 * Starts the server. `record.port` is kept when it is free; else it is given a free one.
 *
 * @throws with PostgreSQL's own words when it does not start
 */
export async function start(request: {
  place: Place;
  record: Record;
  logFile: string;
  durable: boolean;
  log: (message: string) => void;
}): Promise<Server> {
  const { place, record, logFile, durable, log } = request;
  // A copied or unpacked home may have wider permissions, which PostgreSQL refuses.
  await chmod(place.data, 0o700);
  await removeForeignPidFile(place.data);
  await turnLog(logFile);
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePort(record.port);
    if (record.port !== null && port !== record.port)
      log(`Port ${record.port} is taken; PostgreSQL gets port ${port}`);
    record.port = port;
    const before = await sizeOf(logFile);
    const child = await launch(place, { port, logFile, durable });
    const url = addressOf(port, record.password);
    const version = await waitUntilUp(child, url, log);
    if (version !== null) return { pid: child.pid!, data: place.data, url, version };
    const words = await readFrom(logFile, before);
    if (attempt < 20 && isPassing(words)) {
      await sleep(500);
      continue;
    }
    throw new Error(`PostgreSQL did not start. Its last words (${logFile}):\n${words}`);
  }
}

/** Another program was quicker on the port; or sessions of a server that was killed are about to end. */
const isPassing = (words: string): boolean =>
  words.includes('Address already in use') || words.includes('pre-existing shared memory block');

/** @returns the server's version; null when the process has ended */
async function waitUntilUp(
  child: ChildProcess,
  url: string,
  log: (message: string) => void,
): Promise<string | null> {
  const begin = performance.now();
  let told = begin;
  while (child.exitCode === null && child.signalCode === null) {
    const answer = await ask(url);
    if (answer.kind === 'up') return answer.version;
    const now = performance.now();
    if (answer.kind === 'refused' || now - begin > startPatience) {
      child.kill('SIGINT');
      const reason = answer.kind === 'refused' ? answer.reason : `no answer in ${startPatience / 1000} s`;
      throw new Error(`PostgreSQL started but cannot be used: ${reason}`);
    }
    if (now - told > 5_000) {
      told = now;
      log(`PostgreSQL is putting its data in order after a crash (${Math.round((now - begin) / 1000)} s)`);
    }
    await sleep(25);
  }
  return null;
}

type Answer =
  | { kind: 'up'; version: string; data: string }
  | { kind: 'not yet' }
  | { kind: 'refused'; reason: string };

/** Asks the server who it is, and makes our database when it is not there yet. */
async function ask(url: string): Promise<Answer> {
  const client = new pg.Client({
    connectionString: url.replace(/[^/]*$/, 'postgres'),
    connectionTimeoutMillis: 5_000,
  });
  // A server that goes down between two questions ends the connection; the question then fails.
  client.on('error', () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ version: string; data: string; made: boolean }>(
      `SELECT split_part(current_setting('server_version'), ' ', 1) AS version, current_setting('data_directory') AS data,
              EXISTS (SELECT FROM pg_database WHERE datname = $1) AS made`,
      [databaseUser],
    );
    const { version, data, made } = rows[0]!;
    if (!made) await client.query(`CREATE DATABASE ${databaseUser}`);
    return { kind: 'up', version, data };
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    // Class 28 is a wrong password; everything else passes while a server comes up or goes down.
    return code?.startsWith('28') ? { kind: 'refused', reason: message } : { kind: 'not yet' };
  } finally {
    await client.end().catch(() => {});
  }
}

export const addressOf = (port: number, password: string): string =>
  `postgresql://${databaseUser}:${password}@127.0.0.1:${port}/${databaseUser}`;

/** The wished loopback port if it is free, else any free one. */
async function freePort(wished: number | null): Promise<number> {
  return (wished === null ? null : await tryPort(wished)) ?? (await tryPort(0)) ?? refusePort();
}

function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(port, '127.0.0.1', () => {
      const { port: given } = probe.address() as { port: number };
      probe.close(() => resolve(given));
    });
  });
}

function refusePort(): never {
  throw new Error('No free port on 127.0.0.1 for the embedded PostgreSQL.');
}

/** Keeps PostgreSQL's own messages from growing without end: those of a large file move to a second one. */
async function turnLog(logFile: string): Promise<void> {
  if ((await sizeOf(logFile)) > 10 * 1024 * 1024) await rename(logFile, `${logFile}.1`);
}

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    (found) => found.size,
    () => 0,
  );

/** What was written to the file since it had `position` bytes; of much the end. */
async function readFrom(file: string, position: number): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const begin = Math.max(position, size - 2_000);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - begin), 0, size - begin, begin);
    return buffer.toString('utf8', 0, bytesRead).trimEnd();
  } finally {
    await handle.close();
  }
}
