import { rename } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { type DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';
import type { Condition, SortColumn } from './view-query.ts';

/*
 * Data sets are Parquet files whose columns are called c0, c1, … in the order of their names, which are kept beside the
 * file: the database below takes `id` and `ID` for the same name, a site does not.
 */

/** Memory of the query engine; beyond, it works on disk. */
const memoryLimit = '1GB';
/** One line may be as large as a request body. */
const longestLine = 64 * 1024 * 1024;

let instance: Promise<DuckDBInstance> | null = null;

async function connect(): Promise<DuckDBConnection> {
  instance ??= DuckDBInstance.create(':memory:', {
    memory_limit: memoryLimit,
    threads: '2',
    temp_directory: tmpdir(),
  });
  return (await instance).connect();
}

async function withConnection<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
  const connection = await connect();
  try {
    return await work(connection);
  } finally {
    connection.closeSync();
  }
}

/** Rows of one source: flat JSON objects, one a line. */
export interface SourceRows {
  files: readonly string[];
  columns: readonly string[];
  /** Stands before every column name but that of the key. */
  prefix: string;
  key: string | null;
}

/** The name a column has on the site. */
const siteName = ({ prefix, key }: SourceRows, column: string): string =>
  column === key ? column : prefix + column;

/**
 * Appends sources in their order, rows as written, into one Parquet file, which appears under its name when it is whole.
 *
 * @returns columns in order of first appearance
 */
export async function appendSources(
  sources: readonly SourceRows[],
  path: string,
): Promise<{ rows: number; columns: string[] }> {
  const columns = [
    ...new Set(sources.flatMap((source) => source.columns.map((column) => siteName(source, column)))),
  ];
  const selects = sources
    .filter((source) => source.files.length > 0)
    .map((source) => selectSource(source, columns));
  const none = `SELECT ${columns.map((_column, index) => `'' AS c${index}`).join(', ') || "'' AS c0"} WHERE false`;
  const staged = `${path}.new`;
  const rows = await withConnection(async (connection) => {
    await connection.run(
      `COPY (${selects.join(' UNION ALL ') || none}) TO ${literal(staged)} (FORMAT parquet)`,
    );
    return count(connection, `SELECT count(*) FROM ${table(staged)}`, []);
  });
  await rename(staged, path);
  return { rows, columns };
}

function selectSource(source: SourceRows, all: readonly string[]): string {
  const own = new Map(source.columns.map((column) => [siteName(source, column), column]));
  const values = all.map((name, index) => {
    const column = own.get(name);
    const value =
      column === undefined ? "''" : `coalesce(json_extract_string(json, ${literal(pointer(column))}), '')`;
    return `${value} AS c${index}`;
  });
  const list = source.files.map(literal).join(', ');
  // Rows may be without any column; a table may not.
  return `SELECT ${values.join(', ') || "'' AS c0"} FROM read_ndjson_objects([${list}], maximum_object_size = ${longestLine})`;
}

/** RFC 6901: finds a key whatever characters it has, and in its own case. */
const pointer = (column: string): string => `/${column.replaceAll('~', '~0').replaceAll('/', '~1')}`;

/** For paths that the server made and names of columns; values of a request are bound, never written into a query. */
const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const table = (path: string): string => `read_parquet(${literal(path)}, file_row_number = true)`;

/** What is read of a data set. */
export interface DataQuery {
  /** All columns of the data set, in order. */
  all: readonly string[];
  /** Those that are wanted. */
  columns: readonly string[];
  filter: readonly Condition[];
  sort: readonly SortColumn[];
}

/** How many rows pass the filter. */
export function countMatching(path: string, query: Pick<DataQuery, 'all' | 'filter'>): Promise<number> {
  const { where, values } = whereOf(query);
  return withConnection((connection) =>
    count(connection, `SELECT count(*) FROM ${table(path)} ${where}`, values),
  );
}

/** The rows that pass the filter, in blocks; values in the order of the wanted columns. */
export async function* readRows(
  path: string,
  query: DataQuery,
  { from, limit }: { from: number; limit: number | null },
): AsyncGenerator<string[][]> {
  const { where, values } = whereOf(query);
  const shown = query.columns.map((column) => expression(query.all, column));
  // A column that the data set has not is equal everywhere.
  const sorted = query.sort.filter(({ column }) => query.all.includes(column));
  const order = [...sorted.map((sort) => orderOf(query.all, sort)), 'file_row_number'].join(', ');
  const text = `SELECT ${shown.join(', ') || "''"} FROM ${table(path)} ${where} ORDER BY ${order}
    ${limit === null ? '' : `LIMIT ${limit}`} OFFSET ${from}`;
  const connection = await connect();
  try {
    const result = await connection.stream(text, values);
    for (
      let chunk = await result.fetchChunk();
      chunk && chunk.rowCount > 0;
      chunk = await result.fetchChunk()
    ) {
      yield chunk.getRows() as string[][];
    }
  } finally {
    connection.closeSync();
  }
}

async function count(connection: DuckDBConnection, text: string, values: readonly string[]): Promise<number> {
  const result = await connection.runAndReadAll(text, [...values]);
  return Number(result.getRows()[0]?.[0] ?? 0);
}

/** The value of a column; one that the data set has not is empty everywhere. */
function expression(all: readonly string[], column: string): string {
  const index = all.indexOf(column);
  return index < 0 ? "''" : `c${index}`;
}

/** A number as JSON writes it; everything else, blanks around it included, is text. */
const number = (text: string): string =>
  `CASE WHEN regexp_full_match(${text}, '-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?') THEN try_cast(${text} AS DOUBLE) END`;

/** Numbers before text, text by code point. */
function orderOf(all: readonly string[], { column, descending }: SortColumn): string {
  const value = expression(all, column);
  const direction = descending ? 'DESC' : 'ASC';
  const order = `${direction} NULLS ${descending ? 'FIRST' : 'LAST'}`;
  return `${number(value)} ${order}, ${value} ${direction}`;
}

function whereOf({ all, filter }: Pick<DataQuery, 'all' | 'filter'>): { where: string; values: string[] } {
  const values: string[] = [];
  const bind = (value: string): string => `$${values.push(value)}::VARCHAR`;
  const conditions = filter.map((condition) =>
    conditionOf(expression(all, condition.column), condition, bind),
  );
  return { where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`, values };
}

function conditionOf(
  column: string,
  { operator, value }: Condition,
  bind: (value: string) => string,
): string {
  switch (operator) {
    case 'empty':
      return `${column} = ''`;
    case 'not-empty':
      return `${column} <> ''`;
    case 'contains':
      return `contains(${column}, ${bind(value)})`;
    case 'begins-with':
      return `starts_with(${column}, ${bind(value)})`;
    default:
      return compared(column, comparisons[operator], bind(value));
  }
}

const comparisons = { equals: '=', 'not-equals': '<>', greater: '>', less: '<' } as const;

/** As numbers when both are, else as text. */
const compared = (column: string, sign: string, value: string): string =>
  `coalesce(${number(column)} ${sign} ${number(value)}, ${column} ${sign} ${value})`;

/** All rows of a data set, hidden columns included, in their order; memory stays small. */
export async function* allRows(path: string, columns: readonly string[]): AsyncGenerator<string[]> {
  const query = { all: columns, columns, filter: [], sort: [] };
  for await (const rows of readRows(path, query, { from: 0, limit: null })) yield* rows;
}
