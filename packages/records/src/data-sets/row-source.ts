import type { OutputDescription } from '../streams/output-files.ts';
import { physical } from './data-set-file.ts';
import { literal } from './duckdb.ts';

/** A data set on disk as a source of rows. */
export interface DataSet {
  /** Parquet file written by this package. */
  readonly path: string;
  readonly columns: readonly string[];
  readonly rows: number;
}

/** Rows as they come: lines that a run wrote, or a data set. */
export type RowSource = OutputDescription | DataSet;

/** A source in SQL. Its rows come in their order, as long as nothing but a positional join stands beside it. */
export interface Relation {
  /** What stands behind `FROM`, named by the alias. */
  readonly from: string;
  /** The text of a column, null where the row has none. */
  cell(column: string): string;
}

/** What the reader of lines allows for at least, in bytes. */
const MIN_LINE = 1024 * 1024;

/** @param alias name of the source in the statement */
export function relationOf(source: RowSource, alias: string): Relation {
  const { columns } = source;
  const places = new Map(columns.map((column, place) => [column, place]));
  const byPlace = (column: string): string => {
    const place = places.get(column);
    return place === undefined ? 'NULL::VARCHAR' : `${alias}.${physical(place)}`;
  };
  if ('path' in source) return { from: `read_parquet([${literal(source.path)}]) AS ${alias}`, cell: byPlace };
  const { files, longestLine } = source;
  if (files.length === 0) {
    const empty = ["'' AS nothing", ...columns.map((_, place) => `'' AS ${physical(place)}`)];
    return { from: `(SELECT ${empty.join()} WHERE false) AS ${alias}`, cell: byPlace };
  }
  const list = `[${files.map(literal).join()}]`;
  const common = `${list}, format = 'newline_delimited', maximum_object_size = ${Math.max(MIN_LINE, longestLine)}`;
  if (columns.length === 0 || !haveDistinctNames(columns)) {
    // Names that a database takes for the same, or can not hold: values are looked up in a map.
    return {
      from: `read_json(${common}, records = false, columns = {m: 'MAP(VARCHAR, VARCHAR)'}) AS ${alias}`,
      cell: (column) => (places.has(column) ? `${alias}.m[${nameExpression(column)}]` : 'NULL::VARCHAR'),
    };
  }
  const types = columns.map((column) => `${literal(column)}: 'VARCHAR'`).join();
  const names = columns.map((_, place) => physical(place)).join();
  return { from: `read_json(${common}, columns = {${types}}) AS ${alias}(${names})`, cell: byPlace };
}

function haveDistinctNames(columns: readonly string[]): boolean {
  const folded = new Set(columns.map((column) => column.toLowerCase()));
  return folded.size === columns.length && !columns.some((column) => column.includes('\0'));
}

/** A column name as an expression; NUL can not stand in a literal. */
function nameExpression(column: string): string {
  return column.split('\0').map(literal).join(' || chr(0) || ');
}
