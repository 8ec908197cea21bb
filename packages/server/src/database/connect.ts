import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import type { DB } from './schema.ts';

/** int8 comes as text by default; counts stay far below 2^53. */
pg.types.setTypeParser(pg.types.builtins.INT8, Number);
/** Representations pass through as text; the few json columns that code reads are parsed where they are read. */
export interface Connection {
  db: Kysely<DB>;
  pool: pg.Pool;
  close(): Promise<void>;
}

/**
 * A pool whose sessions show times in `timeZone`.
 *
 * @param url PostgreSQL address
 * @param max most connections; a request holds one only while it works
 */
export function connect(
  url: string,
  { timeZone = 'UTC', max = 20 }: { timeZone?: string; max?: number } = {},
): Connection {
  const pool = new pg.Pool({
    connectionString: url,
    max,
    connectionTimeoutMillis: 10_000,
    options: `-c TimeZone=${timeZone} -c statement_timeout=60000 -c idle_in_transaction_session_timeout=120000`,
  });
  // An idle connection that breaks (the database restarts) is replaced by the pool; it must not end the process.
  pool.on('error', () => {});
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  return { db, pool, close: () => db.destroy() };
}
