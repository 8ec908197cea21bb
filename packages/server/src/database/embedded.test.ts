import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mayEnter } from './embedded/account.ts';
import { findRunning } from './embedded/cluster.ts';
import { waitForEnd } from './embedded/processes.ts';
import { borrowEmbeddedPostgres, type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts';

const isRoot = process.getuid?.() === 0;
const serverProcess = fileURLToPath(new URL('../../test/support/embedded-server.ts', import.meta.url));

let folder: string;
let home: string;
let said: string[];
let running: EmbeddedPostgres[];
let children: ChildProcess[];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-embedded-'));
  await chmod(folder, 0o755);
  home = join(folder, 'home');
  said = [];
  running = [];
  children = [];
});

afterEach(async () => {
  for (const server of running) await server.stop();
  for (const child of children) child.kill('SIGKILL');
  const left = await findRunning(data());
  if (left !== null) process.kill(left.pid, 'SIGKILL');
  if (left !== null) await waitForEnd(left.pid, 5_000);
  await rm(folder, { recursive: true, force: true });
});

const data = () => join(home, 'postgres', 'cluster', 'data');
const outside = () => join(folder, 'outside');

async function start({ durable = false } = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    home,
    outside: outside(),
    durable,
    log: (message) => said.push(message),
  });
  running.push(server);
  return server;
}

/** Starts the database from another process, as another user if one is given. */
async function startElsewhere(user: { uid: number; gid: number } | null = null) {
  const child = spawn(process.execPath, [serverProcess, home, outside()], {
    ...user,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let words = '';
  child.stderr.on('data', (chunk: Buffer) => {
    words += chunk.toString();
  });
  const first = await Promise.race([once(createInterface(child.stdout), 'line'), once(child, 'exit')]);
  if (typeof first[0] !== 'string') throw new Error(words);
  return { child, ...(JSON.parse(first[0]) as { url: string; adopted: boolean }) };
}

async function ask<Row extends pg.QueryResultRow>(url: string, statement: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function kill(child: ChildProcess): Promise<void> {
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

async function pidOfPostgres(): Promise<number> {
  const found = await findRunning(data());
  if (found === null) throw new Error('PostgreSQL is not running');
  return found.pid;
}

test('the first start prepares a database, the next finds its data at the same address', async () => {
  const first = await start();
  expect(first).toMatchObject({ adopted: false, version: expect.stringMatching(/^18\.\d+$/) });
  expect(said.join('\n')).toContain('Preparing the database');
  await ask(first.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await first.stop();

  said = [];
  const second = await start();
  expect(second.url).toBe(first.url);
  expect(said).toEqual([]);
  expect(await ask(second.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
});

test('text is UTF-8 in byte order, times are UTC, and only loopback is served', async () => {
  const { url } = await start();
  const [found] = await ask(
    url,
    `SELECT pg_encoding_to_char(encoding) AS encoding, datcollate, datlocprovider, datlocale,
            current_setting('TimeZone') AS zone, current_setting('listen_addresses') AS address,
            current_setting('unix_socket_directories') AS sockets, upper('é') AS upper
       FROM pg_database WHERE datname = current_database()`,
  );
  expect(found).toEqual({
    encoding: 'UTF8',
    datcollate: 'C',
    datlocprovider: 'b',
    datlocale: 'C.UTF-8',
    zone: 'UTC',
    address: '127.0.0.1',
    sockets: '',
    upper: 'É',
  });
});

test('only its owner reads the password, and a wrong one is refused', async () => {
  const { url } = await start();
  expect((await stat(join(home, 'postgres', 'connection.json'))).mode & 0o777).toBe(0o600);
  const wrong = new URL(url);
  wrong.password = 'guess';
  await expect(ask(wrong.href, 'SELECT 1')).rejects.toThrow(
    'password authentication failed for user "slipway"',
  );
});

test('a command borrows the running database, or has one for as long as it needs', async () => {
  const options = { home, outside: outside(), durable: false, log: () => {} };
  const server = await start();
  const beside = await borrowEmbeddedPostgres(options);
  expect(beside.url).toBe(server.url);
  await ask(beside.url, 'CREATE TABLE kept AS SELECT 42 AS answer');
  await beside.stop();
  expect(await ask(server.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await server.stop();
  const alone = await borrowEmbeddedPostgres(options);
  expect(await ask(alone.url, 'SELECT answer FROM kept')).toEqual([{ answer: 42 }]);
  await alone.stop();
  expect(await findRunning(data())).toBeNull();
});

test('stop ends open transactions and the server, and may be called twice', async () => {
  const server = await start();
  const pid = await pidOfPostgres();
  const client = new pg.Client({ connectionString: server.url });
  client.on('error', () => {});
  await client.connect();
  await client.query('BEGIN');
  await Promise.all([server.stop(), server.stop()]);
  expect(await waitForEnd(pid, 0)).toBe(true);
  await client.end().catch(() => {});
});

test('a second Slipway on the same home is told which process holds it', async () => {
  await start();
  await expect(start()).rejects.toThrow(
    new RegExp(`^Another Slipway uses the folder ${home}: process ${process.pid}, since 20.*SLIPWAY_HOME`),
  );
});

test('of two that start at the same moment one is refused', async () => {
  const both = await Promise.allSettled([start(), start()]);
  expect(both.map((one) => one.status).sort()).toEqual(['fulfilled', 'rejected']);
});

test('PostgreSQL stands in a session of its own, out of reach of Ctrl-C', async () => {
  await start();
  const pid = await pidOfPostgres();
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]!.split(' ');
  expect({ group: Number(fields[2]), session: Number(fields[3]) }).toEqual({ group: pid, session: pid });
});

describe('after a crash', () => {
  test('of the server, PostgreSQL is used on', async () => {
    const before = await startElsewhere();
    await ask(before.url, 'CREATE TABLE kept (answer int)');
    const pid = await pidOfPostgres();
    await kill(before.child);

    const after = await start();
    expect(after).toMatchObject({ adopted: true, url: before.url });
    expect(await pidOfPostgres()).toBe(pid);
    expect(await ask(after.url, 'SELECT * FROM kept')).toEqual([]);
    await after.stop();
    expect(await waitForEnd(pid, 0)).toBe(true);
  });

  test('of PostgreSQL, its files of the former life are no obstacle', async () => {
    const before = await start({ durable: true });
    await ask(before.url, 'CREATE TABLE kept (answer int)');
    const pid = await pidOfPostgres();
    process.kill(pid, 'SIGKILL');
    await waitForEnd(pid, 5_000);
    await before.stop();
    expect(await readdir(data())).toContain('postmaster.pid');

    const after = await start();
    expect(after).toMatchObject({ adopted: false });
    expect(await ask(after.url, 'SELECT * FROM kept')).toEqual([]);
  });

  test('of both at once, everything comes back', async () => {
    const before = await startElsewhere();
    await ask(before.url, 'CREATE TABLE kept (answer int)');
    process.kill(await pidOfPostgres(), 'SIGKILL');
    await kill(before.child);
    const after = await start();
    expect(after.adopted).toBe(false);
    expect(await ask(after.url, 'SELECT * FROM kept')).toEqual([]);
  });

  test('when its process number went to another program, the server starts all the same', async () => {
    await (await start()).stop();
    // This process lives, and is not PostgreSQL.
    await writeFile(join(data(), 'postmaster.pid'), `${process.ppid}\n${data()}\n0\n5432\n\n127.0.0.1\n`);
    expect((await start()).adopted).toBe(false);
  });

  test('while the database is prepared, the next start begins anew and leaves nothing half', async () => {
    const child = spawn(process.execPath, [serverProcess, home, outside()], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    const cluster = join(home, 'postgres', 'cluster');
    const drafts = async () =>
      (await readdir(cluster).catch(() => [])).filter((name) => /^draft-\w+$/.test(name));
    await expect.poll(drafts, { timeout: 10_000, interval: 5 }).toHaveLength(1);
    await kill(child);
    expect(await readdir(cluster)).not.toContain('data');

    const server = await start();
    expect(await ask(server.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }]);
    await server.stop();
    await start();
    expect(await readdir(cluster)).toContain('data');
  });
});

test('a port that another program has taken is replaced, and the new one is kept', async () => {
  const first = await start();
  await first.stop();
  const port = Number(new URL(first.url).port);
  const other = createServer().listen(port, '127.0.0.1');
  await once(other, 'listening');
  try {
    const second = await start();
    const chosen = Number(new URL(second.url).port);
    expect(chosen).not.toBe(port);
    expect(said).toContain(`Port ${port} is taken; PostgreSQL gets port ${chosen}`);
    await second.stop();
    expect(new URL((await start()).url).port).toBe(String(chosen));
  } finally {
    other.close();
  }
});

describe('a home that cannot be used is refused with what to do:', () => {
  test('data that are gone', async () => {
    await (await start()).stop();
    await rm(data(), { recursive: true });
    await expect(start()).rejects.toThrow(
      `The database of ${home}/postgres lay in ${data()}, which is gone. ` +
        `Bring it back, or delete ${home}/postgres to start with an empty one.`,
    );
  });

  test('a lost password', async () => {
    await (await start()).stop();
    await rm(join(home, 'postgres', 'connection.json'));
    await expect(start()).rejects.toThrow(
      `${home}/postgres/connection.json, which holds the password of the database in ${data()}, is missing.`,
    );
  });

  test('a damaged record', async () => {
    await (await start()).stop();
    await writeFile(join(home, 'postgres', 'connection.json'), '{"port":');
    await expect(start()).rejects.toThrow(`${home}/postgres/connection.json is damaged`);
  });

  test('data of another main release', async () => {
    await (await start()).stop();
    await writeFile(join(data(), 'PG_VERSION'), '15\n');
    await expect(start()).rejects.toThrow(
      /was made by PostgreSQL 15; this release brings PostgreSQL 18\.\d+/,
    );
  });

  test('a configuration PostgreSQL does not take; its own words are shown', async () => {
    await (await start()).stop();
    await writeFile(join(data(), 'postgresql.conf'), 'no_such_setting = 1\n');
    await expect(start()).rejects.toThrow(
      /PostgreSQL did not start[\s\S]*unrecognized configuration parameter "no_such_setting"/,
    );
    await rm(join(data(), 'postgresql.conf'));
    await writeFile(join(data(), 'postgresql.conf'), '');
    expect((await start()).adopted).toBe(false);
  });
});

describe.runIf(isRoot)('started as root', () => {
  test('PostgreSQL runs as a user without rights', async () => {
    await start();
    expect((await stat(`/proc/${await pidOfPostgres()}`)).uid).not.toBe(0);
  });

  test('data move outside when the home folder is closed, whose permissions stay', async () => {
    await mkdir(home, { mode: 0o700 });
    const first = await start();
    expect((await stat(home)).mode & 0o777).toBe(0o700);
    const [found] = await ask<{ folder: string }>(
      first.url,
      `SELECT current_setting('data_directory') AS folder`,
    );
    expect(found!.folder.startsWith(`${outside()}/`)).toBe(true);
    await ask(first.url, 'CREATE TABLE kept (answer int)');
    await first.stop();

    const second = await start();
    expect(await ask(second.url, 'SELECT * FROM kept')).toEqual([]);
    await second.stop();

    await rm(home, { recursive: true });
    await mkdir(home, { mode: 0o700 });
    const fresh = await start();
    await expect(ask(fresh.url, 'SELECT * FROM kept')).rejects.toThrow('relation "kept" does not exist');
  });

  test('a home folder that is closed later is refused', async () => {
    await (await start()).stop();
    await chmod(home, 0o700);
    await expect(start()).rejects.toThrow(
      /^The user PostgreSQL runs as \(uid \d+\) cannot enter .*cluster\./,
    );
  });

  test("an ordinary user's home goes to and fro between the two", async ({ skip }) => {
    const nobody = { uid: 65534, gid: 65534 };
    if (!(await mayEnter(nobody, join(serverProcess, '..')))) skip('other users cannot read this project');
    await chmod(folder, 0o777);
    const before = await startElsewhere(nobody);
    await ask(before.url, 'CREATE TABLE kept (answer int)');
    expect((await stat(data())).uid).toBe(nobody.uid);
    before.child.kill('SIGTERM');
    await once(before.child, 'exit');

    const asRoot = await start();
    expect(await ask(asRoot.url, 'SELECT * FROM kept')).toEqual([]);
    expect((await stat(`/proc/${await pidOfPostgres()}`)).uid).toBe(nobody.uid);
    await asRoot.stop();

    const again = await startElsewhere(nobody);
    expect(await ask(again.url, 'SELECT * FROM kept')).toEqual([]);
  });
});
