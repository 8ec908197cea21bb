import { createHash } from 'node:crypto';
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

/** Statements shorter than this are planned faster than they are worth remembering. */
const worthPreparing = 400;
/** Statements that one session keeps; filters can be put together in more ways than need be remembered. */
const mostPrepared = 200;

/**
 * A session that prepares its long statements. PostgreSQL spends more time on planning the representations of the API
 * than on reading their rows; a prepared statement is planned once.
 */
class PreparingClient extends pg.Client {
  readonly #names = new Map<string, string>();

  // biome-ignore lint/suspicious/noExplicitAny: the overloads of pg, passed on
  override query(...args: any[]): any {
    const [text, values] = args;
    if (typeof text !== 'string' || !Array.isArray(values) || text.length < worthPreparing) {
      return super.query(...(args as Parameters<pg.Client['query']>));
    }
    let name = this.#names.get(text);
    if (name === undefined && this.#names.size < mostPrepared) {
      name = createHash('sha256').update(text).digest('base64url');
      this.#names.set(text, name);
    }
    if (name === undefined) return super.query(...(args as Parameters<pg.Client['query']>));
    return super.query({ name, text, values }, ...args.slice(2));
  }
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
    Client: PreparingClient,
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
