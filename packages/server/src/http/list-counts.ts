import { type RawBuilder, sql } from 'kysely';
import type { Logger } from 'pino';
import type { Database } from '../database/database.ts';
import { type Repeated, repeat } from '../jobs/repeat.ts';

/** What is counted of a list, so that its total need not be (migration 0013): the sum of these keys. */
export interface Counted {
  list: 'connectors' | 'runs';
  keys: readonly string[];
}

/** The total of what is counted. */
export const countedTotal = ({ list, keys }: Counted): RawBuilder<number> => sql<number>`
  SELECT coalesce(sum(n), 0)::bigint FROM (
    SELECT n FROM list_counts WHERE list = ${list} AND key = ANY(${[...keys]}::text[])
    UNION ALL SELECT n FROM list_count_changes WHERE list = ${list} AND key = ANY(${[...keys]}::text[])
  ) counted`;

/** A key as the triggers write it: `owner=…&type=…`; what is undefined is left out, and `all` stands for no first part. */
export const countKey = (scope: string, parts: Readonly<Record<string, unknown>>): string =>
  [scope, ...Object.entries(parts).map(([name, value]) => value !== undefined && `${name}=${value}`)]
    .filter((part) => part !== false)
    .join('&');

/** Every half minute, in some worker: what has not been folded is summed up by each reader. */
export const startCountKeeper = async ({ db, log }: { db: Database; log: Logger }): Promise<Repeated> =>
  repeat(30_000, () => foldCounts(db), log);

/** Folds the differences into the counts. Readers see the same sums before and after. */
export async function foldCounts(db: Database): Promise<void> {
  await sql`
    WITH folded AS (
      DELETE FROM list_count_changes RETURNING list, key, n
    )
    INSERT INTO list_counts AS counts (list, key, n)
    SELECT list, key, sum(n) FROM folded GROUP BY list, key HAVING sum(n) <> 0 ORDER BY list, key
    ON CONFLICT (list, key) DO UPDATE SET n = counts.n + excluded.n`.execute(db);
}
