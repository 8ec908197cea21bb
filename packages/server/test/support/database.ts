import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { afterAll, inject } from 'vitest';

/** A database that only one test file uses. */
export interface TestDatabase {
  url: string;
  name: string;
}

/**
 * Clones the migrated template; the clone is dropped when the tests of the file are over. Call it at the top of a test file
 * (or in `beforeAll`), and end the file's own connections in `afterAll`; what is left open is ended by force.
 *
 * @example
 * const { url } = await createTestDatabase();
 * const connection = connect(url);
 * afterAll(() => connection.close());
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const { serverUrl, template } = inject('postgres');
  const name = `${template}_${randomUUID().slice(0, 8)}`;
  await administer(serverUrl, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  afterAll(() => administer(serverUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
  return { url: withDatabase(serverUrl, name), name };
}

/** The address of another database on the same server. */
export function withDatabase(url: string, name: string): string {
  const address = new URL(url);
  address.pathname = `/${name}`;
  return address.href;
}

/** Runs one statement as the server's administrator. */
export async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
