import { readColumns } from './data-set-file.ts';
import type { DuckDb } from './duckdb.ts';
import { asNumber, type RowSelection, rowQuery } from './row-query.ts';
import { relationOf } from './row-source.ts';
import { Task, type TaskControl } from './task.ts';

/** What the values of a column look like. Empty ones are counted, and left out of everything else. */
export interface ColumnProfile {
  readonly column: string;
  readonly filled: number;
  readonly empty: number;
  /** Different values. */
  readonly distinct: number;
  /** Whether {@link distinct} is an estimate. */
  readonly distinctEstimated: boolean;
  /** Values with the fewest and the most characters; of several the first by code point. Null without values. */
  readonly shortest: string | null;
  readonly longest: string | null;
  /** First and last value in the order of a data view: numbers before text, text by code point. */
  readonly least: string | null;
  readonly greatest: string | null;
  /** At most ten; those that are equally frequent by code point. */
  readonly frequent: readonly { readonly value: string; readonly count: number }[];
}

/** Up to so many different values are counted; more are estimated. */
const MAX_COUNTED = 100_000;
const FREQUENT = 10;
/** Cells that one pass looks at; a pass takes at least one column. */
const CELLS_PER_PASS = 4_000_000;
const MAX_COLUMNS_PER_PASS = 200;

/**
 * Profiles the columns of a data set (product.md 4.9), some at a time: the memory that is needed does not depend on their
 * number, and groups of values that do not fit go to disk.
 *
 * @param selection columns and filter; its order means nothing here
 * @throws {UnknownColumnError}
 */
export async function profileDataSet(
  duckdb: DuckDb,
  path: string,
  selection: RowSelection,
  control: TaskControl = {},
): Promise<ColumnProfile[]> {
  return await duckdb.with(async (connection) => {
    const all = await readColumns(connection, path);
    const { columns, where, values } = rowQuery(all, selection);
    const file = `read_parquet($${values.length + 1}::VARCHAR)`;
    const task = await Task.begin(connection, control);
    const [counted] = await task.run(`SELECT count(*) FROM ${file} ${where}`, [...values, path]);
    const rows = Number(counted![0]);
    const perPass = Math.min(
      MAX_COLUMNS_PER_PASS,
      Math.max(1, Math.floor(CELLS_PER_PASS / Math.max(1, rows))),
    );
    task.expect(1 + 4 * Math.ceil(columns.length / perPass));
    const { cell } = relationOf({ path, columns: all, rows }, 'source');
    const profiles: ColumnProfile[] = [];
    for (let at = 0; at < columns.length; at += perPass) {
      const some = columns.slice(at, at + perPass);
      const cells = some.map((column, place) => `${cell(column)} AS v${place}`).join();
      const chosen = `SELECT ${cells} FROM ${file} AS source ${where}`;
      profiles.push(...(await profileSome(task, some, rows, chosen, [...values, path])));
    }
    task.finish();
    return profiles;
  });
}

/** Profiles columns that are named `v0`, `v1`, … in the rows chosen. */
async function profileSome(
  task: Task,
  columns: readonly string[],
  rows: number,
  chosen: string,
  values: string[],
): Promise<ColumnProfile[]> {
  const names = columns.map((_, place) => `v${place}`).join();
  await task.run(
    `CREATE OR REPLACE TEMP TABLE counted AS
     SELECT substring(name, 2)::INTEGER AS place, value, count(*) AS count, length(value) AS length,
       ${asNumber('value')} AS number
     FROM (UNPIVOT (${chosen}) ON ${names} INTO NAME name VALUE value) WHERE value <> '' GROUP BY name, value`,
    values,
  );
  // Numbers first and their texts afterwards: to compare plain values is many times quicker than to compare pairs.
  const found = await task.run(
    `SELECT f.place, any_value(f.filled), any_value(f.distinct_values),
       min(c.value) FILTER (c.length = f.shortest), min(c.value) FILTER (c.length = f.longest),
       coalesce(min(c.value) FILTER (c.number = f.least), any_value(f.first_text)),
       coalesce(any_value(f.last_text), max(c.value) FILTER (c.number = f.greatest))
     FROM counted AS c JOIN (
       SELECT place, sum(count)::BIGINT AS filled, count(*) AS distinct_values, min(length) AS shortest,
         max(length) AS longest, min(number) AS least, max(number) AS greatest,
         min(value) FILTER (number IS NULL) AS first_text, max(value) FILTER (number IS NULL) AS last_text
       FROM counted GROUP BY place) AS f ON f.place = c.place
     GROUP BY f.place`,
  );
  const frequent = await task.run(
    `WITH bar AS (SELECT place, list_min(max(count, ${FREQUENT})) AS least FROM counted GROUP BY place),
       above AS (SELECT c.place, c.value, c.count FROM counted AS c JOIN bar AS b ON b.place = c.place AND c.count > b.least),
       level AS (SELECT c.place, unnest(min(c.value, ${FREQUENT})) AS value, any_value(b.least) AS count
                 FROM counted AS c JOIN bar AS b ON b.place = c.place AND c.count = b.least GROUP BY c.place)
     SELECT place, value, count FROM (FROM above UNION ALL FROM level) ORDER BY place, count DESC, value`,
  );
  await task.run('DROP TABLE counted');
  const lists = new Map<number, { value: string; count: number }[]>();
  for (const [place, value, count] of frequent) {
    const list = lists.get(Number(place)) ?? [];
    if (list.length < FREQUENT) list.push({ value: String(value), count: Number(count) });
    lists.set(Number(place), list);
  }
  const facts = new Map(found.map(([place, ...rest]) => [Number(place), rest]));
  return columns.map((column, place) => {
    const [filled = 0, distinct = 0, ...texts] = facts.get(place) ?? [];
    const [shortest = null, longest = null, least = null, greatest = null] = texts as string[];
    return {
      column,
      filled: Number(filled),
      empty: rows - Number(filled),
      distinct: Number(distinct),
      // Beyond the bound the contract promises an estimate only, and nobody should rely on the last digits.
      distinctEstimated: Number(distinct) > MAX_COUNTED,
      shortest,
      longest,
      least,
      greatest,
      frequent: lists.get(place) ?? [],
    };
  });
}
