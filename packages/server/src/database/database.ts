import type { Kysely, Transaction } from 'kysely';
import type { DB } from './schema.ts';

/** The pool, or the transaction a verb works in. */
export type Database = Kysely<DB>;
export type Work = Transaction<DB>;
