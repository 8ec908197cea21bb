import { rename, rm } from 'node:fs/promises';
import type { DuckDBConnection } from '@duckdb/node-api';
import { literal } from './duckdb.ts';
import { joinColumns } from './join-columns.ts';
import type { Task } from './task.ts';

/*
 * A data set is one Parquet file: a column `row` (BIGINT, 0, 1, 2 …) and the columns `c0`, `c1`, … (VARCHAR, never
 * null) in the data set's order. Their real names are JSON in the file's metadata under `columns`: names are
 * case-sensitive and may hold anything, which column names of a database may not.
 */

/** Key of the file's metadata under which the names stand. */
const COLUMNS_KEY = 'columns';

/** Columns that are written at a time. */
const COLUMNS_PER_PASS = 50;
/** Values of one group of rows, which is held in memory until it is complete. */
const VALUES_PER_GROUP = 2_048_000;
const MAX_GROUP_ROWS = 122_880;
/** So many rows in any case: the file describes each column of each group, and all of that is read first. */
const MIN_GROUP_ROWS = 40_960;

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
 * Writes a data set, a wide one some columns at a time: the memory that is needed does not depend on their number. The file
 * appears under its name only when it is complete.
 *
 * @param from what stands behind `FROM` for some values; gives the same rows in their order each time
 * @returns number of rows
 */
export async function writeDataSet(
  task: Task,
  path: string,
  columns: readonly WrittenColumn[],
  from: (values: readonly string[]) => string,
): Promise<number> {
  const names = JSON.stringify(columns.map(({ name }) => name));
  await task.connection.run('SET VARIABLE columns = $1', [names]);
  const written = columns.map(({ value }, place) => ({ value, name: physical(place) }));
  const temporary = `${path}.new`;
  // The same for all passes: their groups of rows have to be the same.
  const options = parquetOptions(Math.min(columns.length, COLUMNS_PER_PASS), 'zstd');
  const parts: string[] = [];
  try {
    let rows: number;
    if (columns.length <= COLUMNS_PER_PASS)
      rows = await writeColumns(task, temporary, written, from, options);
    else {
      task.expect(Math.ceil(columns.length / COLUMNS_PER_PASS) - 1);
      for (let at = 0; at < columns.length; at += COLUMNS_PER_PASS) {
        parts.push(`${temporary}.${at}`);
        rows = await writeColumns(
          task,
          parts.at(-1)!,
          written.slice(at, at + COLUMNS_PER_PASS),
          from,
          options,
        );
      }
      await joinColumns(parts, temporary);
    }
    await rename(temporary, path);
    return rows!;
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  } finally {
    for (const part of parts) await rm(part, { force: true });
  }
}

/** Writes the number of each row and some columns. */
async function writeColumns(
  task: Task,
  path: string,
  columns: readonly { readonly name: string; readonly value: string }[],
  from: (values: readonly string[]) => string,
  options: string,
): Promise<number> {
  const values = columns.map(({ name, value }) => `coalesce(${value}, '') AS ${name}`);
  // To number the rows takes a single thread, which also makes the groups of rows the same in each pass.
  const rows = ['row_number() OVER () - 1 AS row', ...values].join();
  const counted = await task.run(
    `COPY (SELECT ${rows} FROM ${from(columns.map(({ value }) => value))}) TO ${literal(path)} ` +
      `(${options}, KV_METADATA {${COLUMNS_KEY}: getvariable('columns')})`,
  );
  return Number(counted[0]![0]);
}
