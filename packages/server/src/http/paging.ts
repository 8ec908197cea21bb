import { Readable } from 'node:stream';
import { type Page, texts } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { type Counted, countedTotal } from './list-counts.ts';
import type { ListResult } from './list-result.ts';

/**
 * Keyset cursors: the position of the page, and the sort key of the last item before it. Nothing is skipped or doubled
 * while others insert.
 */
export interface Cursor {
  from: number;
  keys: string[];
}

export const encodeCursor = ({ from, keys }: Cursor): string =>
  Buffer.from(JSON.stringify([from, ...keys])).toString('base64url');

/**
 * @param count keys that the list is sorted by
 * @param isKey could this be a key of the list?
 * @throws 400 `{"after":"This value is not valid."}`
 */
export function decodeCursor(
  after: string,
  count: number,
  isKey: (key: string) => boolean = isPlain,
): Cursor {
  try {
    const [from, ...keys] = JSON.parse(Buffer.from(after, 'base64url').toString()) as unknown[];
    if (
      Number.isSafeInteger(from) &&
      (from as number) >= 0 &&
      keys.length === count &&
      keys.every((key) => typeof key === 'string' && isKey(key))
    ) {
      return { from: from as number, keys: keys as string[] };
    }
  } catch {
    // Falls through: it was no cursor of ours.
  }
  throw badRequest({ after: texts.invalid });
}

/** Numbers, ids, times and plain names. */
const isPlain = (key: string): boolean => /^[\w:. +/-]{1,255}$/.test(key);

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
  /** Counts that are kept of what matches; without them the rows are counted. */
  counted?: Counted | undefined;
}

/**
 * Reads one page of a list. The rows of the page are picked by their keys first, so that representations are made for
 * them alone.
 */
export async function readPage(db: Database, page: Page, listing: Listing): Promise<ListResult> {
  const cursor = cursorOf(page, listing);
  const { items, next, total } = await readItems(db, cursor, page.from, page.limit, listing);
  const start = cursor?.from ?? page.from;
  const isWhole = next === null && cursor === null && (items.length > 0 || page.from === 0);
  return {
    items,
    total: isWhole ? start + items.length : (total ?? (await countRows(db, listing))),
    from: start,
    after: next && encodeCursor({ from: start + items.length, keys: next }),
  };
}

/**
 * Reads a list to its end, or to the limit that was sent, as lines of JSON (1.12). Rows are read in slices, so that
 * memory stays flat and no connection is held while the reader is slow.
 *
 * @throws 400 for a cursor that is none, before anything is read
 */
export function readLines(db: Database, page: Page, listing: Listing): Readable {
  const slice = 1000;
  const first = cursorOf(page, listing);
  async function* lines(): AsyncGenerator<string> {
    let cursor = first;
    let left = page.limited ? page.limit : Number.POSITIVE_INFINITY;
    do {
      const { items, next } = await readItems(db, cursor, page.from, Math.min(left, slice), listing);
      if (items.length > 0) yield `${items.join('\n')}\n`;
      left -= items.length;
      cursor = next && { from: 0, keys: next };
    } while (cursor !== null && left > 0);
  }
  return Readable.from(lines(), { objectMode: false });
}

const cursorOf = (page: Page, { order }: Listing): Cursor | null =>
  page.after === null ? null : decodeCursor(page.after, order.columns.length);

/**
 * The items behind the cursor, and the sort key of the last one when more follow; the total too where it is kept and the
 * page holds anything.
 */
async function readItems(
  db: Database,
  cursor: Cursor | null,
  from: number,
  limit: number,
  { table, alias: name, where, item, order, counted }: Listing,
): Promise<{ items: string[]; next: string[] | null; total: number | null }> {
  const alias = sql.ref(name);
  const sorted = sql.join(order.columns.map(({ name }) => sql`${name} ${sql.raw(order.direction)}`));
  // As text a time keeps its microseconds, which a JavaScript date would lose.
  const keys = order.columns.map(({ name }, index) => sql`${name}::text AS ${sql.ref(`k${index}`)}`);
  const { rows } = await sql<{
    item: string;
    found: number;
    total: number | null;
    [key: `k${number}`]: string;
  }>`
    WITH picked AS (
      SELECT ${alias}.* FROM ${table} ${alias} WHERE ${where} ${cursor ? beyond(cursor, order) : sql``}
      ORDER BY ${sorted} LIMIT ${limit + 1} OFFSET ${cursor ? 0 : from}
    )
    SELECT (${item})::text AS item, ${sql.join(keys)}, (SELECT count(*) FROM picked) AS found,
      ${counted ? sql`(${countedTotal(counted)})` : sql`NULL`} AS total
    FROM picked ${alias} ORDER BY ${sorted} LIMIT ${limit}`.execute(db);
  const last = rows.at(-1);
  const more = last !== undefined && last.found > limit;
  return {
    items: rows.map((row) => row.item),
    next: more ? order.columns.map((_column, index) => last[`k${index}`] as string) : null,
    total: last?.total ?? null,
  };
}

function beyond(cursor: Cursor, order: Order): RawBuilder<unknown> {
  const names = sql.join(order.columns.map(({ name }) => name));
  const values = sql.join(
    cursor.keys.map((value, index) => sql`${value}::${sql.raw(order.columns[index]?.type ?? 'text')}`),
  );
  return sql`AND (${names}) ${sql.raw(order.direction === 'DESC' ? '<' : '>')} (${values})`;
}

async function countRows(db: Database, { table, alias, where, counted }: Listing): Promise<number> {
  const { rows } = await sql<{ total: number }>`
    SELECT (${counted ? countedTotal(counted) : sql`SELECT count(*) FROM ${table} ${sql.ref(alias)} WHERE ${where}`}) AS total`.execute(
    db,
  );
  return rows[0]?.total ?? 0;
}
