import { rename, rm } from 'node:fs/promises';
import type { OutputDescription } from '../streams/output-files.ts';
import { COLUMNS_KEY, physical } from './data-set-file.ts';
import { type DuckDb, literal } from './duckdb.ts';

/** Values of one row group; wide data sets get fewer rows per group, so that memory stays flat. */
const VALUES_PER_GROUP = 2_000_000;
const MAX_GROUP_ROWS = 122_880;
const MIN_GROUP_ROWS = 2048;
/** What the reader of lines allows for at least, in bytes. */
const MIN_LINE = 1024 * 1024;

/**
 * Loads an output stream into a data set: all columns of the union as text, `""` where a row has no value, rows in order.
 * The file appears under its name only when it is complete.
 *
 * @param path file to be written; replaced when it exists
 * @returns number of rows
 */
export async function loadDataSet(duckdb: DuckDb, output: OutputDescription, path: string): Promise<number> {
  const { columns } = output;
  const temporary = `${path}.new`;
  const perGroup = Math.floor(VALUES_PER_GROUP / Math.max(1, columns.length));
  const groupRows = Math.min(MAX_GROUP_ROWS, Math.max(MIN_GROUP_ROWS, perGroup));
  try {
    await duckdb.with(async (connection) => {
      await connection.run('SET VARIABLE columns = $1', [JSON.stringify(columns)]);
      await connection.run(
        `COPY (${rowsQuery(output)}) TO ${literal(temporary)} (FORMAT parquet, COMPRESSION zstd, ` +
          `ROW_GROUP_SIZE ${groupRows}, KV_METADATA {${COLUMNS_KEY}: getvariable('columns')})`,
      );
    });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  return output.rows;
}

/** The rows of a stream, numbered in order, under the file's own column names. */
function rowsQuery({ files, columns, longestLine }: OutputDescription): string {
  const names = columns.map((_, place) => physical(place));
  if (files.length === 0) {
    return `SELECT ${['0::BIGINT AS row', ...names.map((name) => `'' AS ${name}`)].join()} WHERE false`;
  }
  const list = `[${files.map(literal).join()}]`;
  const common = `${list}, format = 'newline_delimited', maximum_object_size = ${Math.max(MIN_LINE, longestLine)}`;
  const numbered = 'row_number() OVER () - 1 AS row';
  if (columns.length === 0 || !haveDistinctNames(columns)) {
    // Names that a database takes for the same, or can not hold: values are looked up in a map.
    const values = columns.map(
      (column, place) => `coalesce(m[${nameExpression(column)}], '') AS ${names[place]}`,
    );
    return `SELECT ${[numbered, ...values].join()} FROM read_json(${common}, records = false, columns = {m: 'MAP(VARCHAR, VARCHAR)'})`;
  }
  const types = columns.map((column) => `${literal(column)}: 'VARCHAR'`).join();
  const values = names.map((name) => `coalesce(${name}, '') AS ${name}`);
  return `SELECT ${[numbered, ...values].join()} FROM read_json(${common}, columns = {${types}}) AS t(${names.join()})`;
}

function haveDistinctNames(columns: readonly string[]): boolean {
  const folded = new Set(columns.map((column) => column.toLowerCase()));
  return folded.size === columns.length && !columns.some((column) => column.includes('\0'));
}

/** A column name as an expression; NUL can not stand in a literal. */
function nameExpression(column: string): string {
  return column.split('\0').map(literal).join(' || chr(0) || ');
}
