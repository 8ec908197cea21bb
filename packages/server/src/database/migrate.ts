import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import { PgBoss } from 'pg-boss';

const folder = new URL('./migrations/', import.meta.url);

/** Any number that no other program on the same database is likely to lock. */
const migrationLock = 7_021_987_341;

/**
 * Brings the schema up to date: numbered, forward-only migrations, each in its own transaction, under a lock so that
 * several servers may start at once. The queue's own tables are brought up to date too.
 *
 * @throws when the database knows a migration that this release does not (it was used by a newer one)
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    await client.query('SELECT pg_advisory_lock($1)', [migrationLock]);
    await client.query(
      'CREATE TABLE IF NOT EXISTS migrations (name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())',
    );
    const known = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
    const applied = new Set(
      (await client.query<{ name: string }>('SELECT name FROM migrations')).rows.map((row) => row.name),
    );
    const foreign = [...applied].filter((name) => !known.includes(name));
    if (foreign.length > 0) {
      throw new Error(
        `The database was used by a newer release (it knows ${foreign.join(', ')}); start that one.`,
      );
    }
    for (const name of known.filter((candidate) => !applied.has(candidate))) await apply(client, name);
    const boss = new PgBoss({ connectionString: databaseUrl, supervise: false, schedule: false, max: 2 });
    await boss.start();
    await boss.stop({ graceful: false });
  } finally {
    await client.end();
  }
}

async function apply(client: pg.Client, name: string): Promise<void> {
  await client.query('BEGIN');
  try {
    await client.query(await readFile(new URL(name, folder), 'utf8'));
    await client.query('INSERT INTO migrations (name) VALUES ($1)', [name]);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK');
    throw new Error(`Migration ${name} failed: ${(error as Error).message}`, { cause: error });
  }
}
