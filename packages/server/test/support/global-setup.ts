import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { findRunning, halt } from '../../src/database/embedded/cluster.ts';
import { isAlive } from '../../src/database/embedded/processes.ts';
import { startEmbeddedPostgres } from '../../src/database/embedded.ts';
import { migrate } from '../../src/database/migrate.ts';
import { administer, withDatabase } from './database.ts';

declare module 'vitest' {
  interface ProvidedContext {
    postgres: { serverUrl: string; template: string };
  }
}

const homes = join(tmpdir(), `slipway-tests-${process.getuid?.() ?? 0}`);

/**
 * One PostgreSQL for the whole test run, with a migrated template that each test file clones. With
 * `SLIPWAY_TEST_DATABASE_URL` it is the server named there, whose user must be allowed to create databases.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env.SLIPWAY_TEST_DATABASE_URL;
  const server = given ? { url: given, stop: async () => {} } : await startServer();
  const template = `slipway_test_${randomUUID().slice(0, 8)}`;
  try {
    await administer(server.url, `CREATE DATABASE ${template}`);
    await migrate(withDatabase(server.url, template));
  } catch (error) {
    await server.stop();
    throw error;
  }
  project.provide('postgres', { serverUrl: server.url, template });
  return async () => {
    if (given) await dropAll(server.url, template);
    await server.stop();
  };
}

async function startServer(): Promise<{ url: string; stop: () => Promise<void> }> {
  await sweep();
  const home = join(homes, String(process.pid));
  // Root's PostgreSQL user must be able to pass.
  await mkdir(home, { recursive: true, mode: 0o755 });
  const server = await startEmbeddedPostgres({ home, log: () => {}, durable: false });
  return {
    url: server.url,
    stop: async () => {
      await server.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** Test runs that were killed left their servers running. */
async function sweep(): Promise<void> {
  for (const pid of await readdir(homes).catch(() => [])) {
    if (isAlive(Number(pid))) continue;
    const data = join(homes, pid, 'postgres', 'cluster', 'data');
    const left = await findRunning(data);
    if (left !== null) await halt(left.pid, data);
    await rm(join(homes, pid), { recursive: true, force: true });
  }
}

/** The template and the clones of test files that did not get to their end. */
async function dropAll(url: string, template: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ datname: string }>(
      'SELECT datname FROM pg_database WHERE starts_with(datname, $1)',
      [template],
    );
    for (const { datname } of rows) await client.query(`DROP DATABASE IF EXISTS ${datname} WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
