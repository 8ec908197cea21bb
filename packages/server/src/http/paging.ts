import { type Page, texts } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../context.ts';
import { badRequest } from '../errors.ts';
import type { ListResult } from './route.ts';

/**
 * Keyset cursors: the position of the page, and the sort key of the last item before it. Nothing is skipped or doubled
 * while others insert.
 */
interface Cursor {
  from: number;
  keys: string[];
}

const encode = ({ from, keys }: Cursor): string =>
  Buffer.from(JSON.stringify([from, ...keys])).toString('base64url');

/** @throws 400 `{"after":"This value is not valid."}` */
function decode(after: string, count: number): Cursor {
  try {
    const [from, ...keys] = JSON.parse(Buffer.from(after, 'base64url').toString()) as unknown[];
    if (Number.isSafeInteger(from) && (from as number) >= 0 && keys.length === count && keys.every(isKey)) {
      return { from: from as number, keys: keys as string[] };
    }
  } catch {
    // Falls through: it was no cursor of ours.
  }
  throw badRequest({ after: texts.invalid });
}

const isKey = (key: unknown): boolean => typeof key === 'string' && /^[\w:. +-]{1,64}$/.test(key);

/** How a list is sorted: the columns of the key, unique together, all in one direction. */
export interface Order {
  columns: readonly { name: RawBuilder<unknown>; type: 'timestamptz' | 'uuid' | 'integer' | 'text' }[];
  direction: 'ASC' | 'DESC';
}

/** Newest first: `created-at` descending, then `id` descending (1.9). `alias` is the table's in the query. */
export const newestFirst = (alias: string, column = 'created_at'): Order => ({
  columns: [
    { name: sql.ref(`${alias}.${column}`), type: 'timestamptz' },
    { name: sql.ref(`${alias}.id`), type: 'uuid' },
  ],
  direction: 'DESC',
});

/** By `id`, ascending, as the lists of the platform are. */
export const byNumber = (alias: string): Order => ({
  columns: [{ name: sql.ref(`${alias}.id`), type: 'integer' }],
  direction: 'ASC',
});

/** A list: the table under its alias, what matches, and the JSON representation of one row. */
export interface Listing {
  table: RawBuilder<unknown>;
  alias: string;
  where: RawBuilder<unknown>;
  item: RawBuilder<unknown>;
  order: Order;
}

/**
 * Reads one page of a list. The rows of the page are picked by their keys first, so that representations are made for
 * them alone.
 */
export async function readPage(db: Database, page: Page, listing: Listing): Promise<ListResult> {
  const { table, where, item, order } = listing;
  const alias = sql.ref(listing.alias);
  const cursor = page.after === null ? null : decode(page.after, order.columns.length);
  const sorted = sql.join(order.columns.map(({ name }) => sql`${name} ${sql.raw(order.direction)}`));
  // As text a time keeps its microseconds, which a JavaScript date would lose.
  const keys = order.columns.map(({ name }, index) => sql`${name}::text AS ${sql.ref(`k${index}`)}`);
  const { rows } = await sql<{ item: string; found: number; [key: `k${number}`]: string }>`
    WITH picked AS (
      SELECT ${alias}.* FROM ${table} ${alias} WHERE ${where} ${cursor ? beyond(cursor, order) : sql``}
      ORDER BY ${sorted} LIMIT ${page.limit + 1} OFFSET ${cursor ? 0 : page.from}
    )
    SELECT (${item})::text AS item, ${sql.join(keys)}, (SELECT count(*) FROM picked) AS found
    FROM picked ${alias} ORDER BY ${sorted} LIMIT ${page.limit}`.execute(db);
  const start = cursor?.from ?? page.from;
  const last = rows.at(-1);
  const more = last !== undefined && last.found > page.limit;
  const next = {
    from: start + rows.length,
    keys: order.columns.map((_column, index) => last?.[`k${index}`] as string),
  };
  return {
    items: rows.map((row) => row.item),
    total:
      more || cursor || (rows.length === 0 && page.from > 0)
        ? await countRows(db, listing)
        : start + rows.length,
    from: start,
    after: more ? encode(next) : null,
  };
}

function beyond(cursor: Cursor, order: Order): RawBuilder<unknown> {
  const names = sql.join(order.columns.map(({ name }) => name));
  const values = sql.join(
    cursor.keys.map((value, index) => sql`${value}::${sql.raw(order.columns[index]?.type ?? 'text')}`),
  );
  return sql`AND (${names}) ${sql.raw(order.direction === 'DESC' ? '<' : '>')} (${values})`;
}

async function countRows(db: Database, { table, alias, where }: Listing): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    SELECT count(*) AS total FROM ${table} ${sql.ref(alias)} WHERE ${where}`.execute(db);
  return rows[0]?.total ?? 0;
}
