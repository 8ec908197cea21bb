import type { DuckDBConnection, DuckDBValue } from '@duckdb/node-api';
import { readColumns } from './data-set-file.ts';
import type { DuckDb } from './duckdb.ts';
import { type RowSelection, rowQuery } from './row-query.ts';

export interface DataSetPage {
  /** Columns of the rows, in order. */
  readonly columns: readonly string[];
  /** All columns of the data set, hidden ones among them. */
  readonly allColumns: readonly string[];
  /** Rows as JSON objects, column → text, in the order of the columns. */
  readonly rows: readonly string[];
  /** Rows that the filter lets through, on all pages. */
  readonly total: number;
}

/**
 * Reads a page of a data set.
 *
 * @param path file written by {@link loadDataSet}
 * @throws {UnknownColumnError}
 */
export async function readDataSet(
  duckdb: DuckDb,
  path: string,
  selection: RowSelection,
  page: { readonly offset: number; readonly limit: number },
): Promise<DataSetPage> {
  return await duckdb.with(async (connection) => {
    const all = await readColumns(connection, path);
    const { columns, line, where, orderBy, values } = rowQuery(all, selection);
    const file = `read_parquet($${values.length + 1}::VARCHAR)`;
    const parameters: DuckDBValue[] = [...values, path];
    const counted = await connection.runAndReadAll(`SELECT count(*) FROM ${file} ${where}`, parameters);
    // Without filter and order the place of a row is its number: the file's statistics lead straight to the page.
    const plain = where === '' && (selection.sort ?? []).length === 0;
    const [first, second] = [`$${parameters.length + 1}::BIGINT`, `$${parameters.length + 2}::BIGINT`];
    const bounds = [...parameters, BigInt(page.offset), BigInt(page.limit)];
    const total = Number(counted.getRows()[0]![0]);
    if (plain) {
      const sql = `SELECT ${line} FROM ${file} WHERE row >= ${first} AND row < ${first} + ${second} ORDER BY row`;
      const result = await connection.runAndReadAll(sql, bounds);
      return { columns, allColumns: all, rows: result.getRows().map(([text]) => String(text)), total };
    }
    // Which rows are on the page is found by their numbers; the lines, of all columns, are made for them alone.
    const found = await connection.runAndReadAll(
      `SELECT row FROM ${file} ${where} ${orderBy} LIMIT ${second} OFFSET ${first}`,
      bounds,
    );
    const numbers = found.getRows().map(([row]) => String(row));
    const lines = await linesOf(connection, path, all, columns, numbers);
    return { columns, allColumns: all, rows: numbers.map((row) => lines.get(row)!), total };
  });
}

/** Columns whose values are read at a time: rows from all over a wide file need a buffer for each of its columns. */
const COLUMNS_AT_ONCE = 400;

/** The rows with these numbers as JSON. */
async function linesOf(
  connection: DuckDBConnection,
  path: string,
  all: readonly string[],
  columns: readonly string[],
  numbers: readonly string[],
): Promise<Map<string, string>> {
  const parts = new Map<string, string[]>(numbers.map((row) => [row, []]));
  for (let at = 0; numbers.length > 0 && at < columns.length; at += COLUMNS_AT_ONCE) {
    const { line } = rowQuery(all, { columns: columns.slice(at, at + COLUMNS_AT_ONCE) });
    const sql = `SELECT row, ${line} FROM read_parquet($1) WHERE row IN (${numbers.join()})`;
    const found = await connection.runAndReadAll(sql, [path]);
    for (const [row, text] of found.getRows()) parts.get(String(row))?.push(String(text).slice(1, -1));
  }
  return new Map([...parts].map(([row, texts]) => [row, `{${texts.join()}}`]));
}

/**
 * Reads all rows of a selection as NDJSON, in parts of whole lines, each line ended by `\n`; memory stays flat.
 *
 * @throws {UnknownColumnError}
 */
export async function* streamDataSet(
  duckdb: DuckDb,
  path: string,
  selection: RowSelection,
): AsyncGenerator<Buffer> {
  const connection = await duckdb.connect();
  try {
    const all = await readColumns(connection, path);
    const { line, where, orderBy, values } = rowQuery(all, selection);
    // Files are read in their order: sorting by it would only need memory.
    const order = (selection.sort ?? []).length === 0 ? '' : orderBy;
    const sql = `SELECT ${line} FROM read_parquet($${values.length + 1}::VARCHAR) ${where} ${order}`;
    const result = await connection.stream(sql, [...values, path]);
    for (
      let chunk = await result.fetchChunk();
      chunk && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      yield Buffer.from(`${chunk.getColumnValues(0).join('\n')}\n`);
    }
  } finally {
    connection.closeSync();
  }
}

/** The columns of a data set and how many rows it has. */
export async function describeDataSet(
  duckdb: DuckDb,
  path: string,
): Promise<{ readonly columns: readonly string[]; readonly rows: number }> {
  return await duckdb.with(async (connection) => {
    const columns = await readColumns(connection, path);
    const counted = await connection.runAndReadAll('SELECT count(*) FROM read_parquet($1)', [path]);
    return { columns, rows: Number(counted.getRows()[0]![0]) };
  });
}

/** Reads the values of all rows, in the order of `columns`, for {@link writeInputStream}. */
export async function* readDataSetValues(duckdb: DuckDb, path: string): AsyncGenerator<readonly string[]> {
  const connection = await duckdb.connect();
  try {
    const all = await readColumns(connection, path);
    const values = all.map((_, place) => `c${place}`).join() || `''`;
    const result = await connection.stream(`SELECT ${values} FROM read_parquet($1)`, [path]);
    for (
      let chunk = await result.fetchChunk();
      chunk && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      yield* chunk.getRows() as string[][];
    }
  } finally {
    connection.closeSync();
  }
}
