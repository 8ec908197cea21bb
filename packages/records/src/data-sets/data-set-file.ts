import type { DuckDBConnection } from '@duckdb/node-api';

/*
 * A data set is one Parquet file: a column `row` (BIGINT, 0, 1, 2 …) and the columns `c0`, `c1`, … (VARCHAR, never
 * null) in the data set's order. Their real names are JSON in the file's metadata under `columns`: names are
 * case-sensitive and may hold anything, which column names of a database may not.
 */

/** Key of the file's metadata under which the names stand. */
export const COLUMNS_KEY = 'columns';

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
