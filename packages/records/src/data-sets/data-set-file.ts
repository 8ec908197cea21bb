import { rename, rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { literal } from './duckdb.ts';
import type { Task } from './task.ts';

/*
 * A data set is one Parquet file: a column `row` (BIGINT, 0, 1, 2 …) and the columns `c0`, `c1`, … (VARCHAR, never
 * null) in the data set's order. Their real names are JSON in the file's metadata under `columns`: names are
 * case-sensitive and may hold anything, which column names of a database may not.
 */

/** Key of the file's metadata under which the names stand. */
const COLUMNS_KEY = 'columns';

/** Values of one row group; wide data sets get fewer rows per group, so that memory stays flat. */
const VALUES_PER_GROUP = 2_000_000;
const MAX_GROUP_ROWS = 122_880;
const MIN_GROUP_ROWS = 2048;

/** Bytes that the writer's dictionaries may take; it sets them aside for every column of a group beforehand. */
const DICTIONARY_BYTES = 32 * 1024 * 1024;
const MAX_DICTIONARY = 1024 * 1024;
const MIN_DICTIONARY = 1024;

/** Options of a Parquet file with so many columns, so that the writer's memory does not depend on their number. */
export function parquetOptions(columns: number, compression: 'zstd' | 'lz4_raw'): string {
  const perGroup = Math.floor(VALUES_PER_GROUP / Math.max(1, columns));
  const rows = Math.min(MAX_GROUP_ROWS, Math.max(MIN_GROUP_ROWS, perGroup));
  const perColumn = Math.floor(DICTIONARY_BYTES / Math.max(1, columns));
  const dictionary = Math.min(MAX_DICTIONARY, Math.max(MIN_DICTIONARY, perColumn));
  return (
    `FORMAT parquet, COMPRESSION ${compression}, ROW_GROUP_SIZE ${rows}, ` +
    `STRING_DICTIONARY_PAGE_SIZE_LIMIT ${dictionary}`
  );
}

/** Name in the file of the column at a place. */
export function physical(place: number): string {
  return `c${place}`;
}

/** The column names of a data set in their order. */
export async function readColumns(connection: DuckDBConnection, path: string): Promise<string[]> {
  const sql = 'SELECT decode(value) FROM parquet_kv_metadata($1) WHERE decode(key) = $2';
  const result = await connection.runAndReadAll(sql, [path, COLUMNS_KEY]);
  return JSON.parse(String(result.getRows()[0]![0])) as string[];
}

/** A column of a data set that is being written. */
export interface WrittenColumn {
  readonly name: string;
  /** Expression for its text; null becomes `''`. */
  readonly value: string;
}

/**
 * Writes a data set. The file appears under its name only when it is complete.
 *
 * @param from what stands behind `FROM`; gives the rows in their order
 * @returns number of rows
 */
export async function writeDataSet(
  task: Task,
  path: string,
  columns: readonly WrittenColumn[],
  from: string,
): Promise<number> {
  const temporary = `${path}.new`;
  const values = columns.map(({ value }, place) => `coalesce(${value}, '') AS ${physical(place)}`);
  const rows = ['row_number() OVER () - 1 AS row', ...values].join();
  try {
    await task.connection.run('SET VARIABLE columns = $1', [JSON.stringify(columns.map(({ name }) => name))]);
    const counted = await task.run(
      `COPY (SELECT ${rows} FROM ${from}) TO ${literal(temporary)} ` +
        `(${parquetOptions(columns.length, 'zstd')}, KV_METADATA {${COLUMNS_KEY}: getvariable('columns')})`,
    );
    await rename(temporary, path);
    return Number(counted[0]![0]);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
