import { isHidden } from '../streams/input-stream.ts';
import { physical } from './data-set-file.ts';

/** A condition of a data view; all have to hold. Text is compared by code point. */
export interface RowFilter {
  readonly column: string;
  /** `greater` and `less` compare as numbers when both values are numbers, otherwise as text. */
  readonly operator:
    | 'equals'
    | 'not-equals'
    | 'contains'
    | 'begins-with'
    | 'empty'
    | 'not-empty'
    | 'greater'
    | 'less';
  /** What is compared with; `''` when left out. Means nothing to `empty` and `not-empty`. */
  readonly value?: string;
}

/** Numbers come before text; text by code point. Descending is the reverse. */
export interface RowSort {
  readonly column: string;
  readonly descending?: boolean;
}

/** Columns that a data view may be sorted by. */
export const MAX_SORTS = 3;

export interface RowSelection {
  /** Columns to be shown, in this order; all when left out. */
  readonly columns?: readonly string[];
  /** Whether columns that begin with `__` are shown, unless they are named in {@link columns}. */
  readonly showHidden?: boolean;
  readonly filter?: readonly RowFilter[];
  /** At most three. Rows that are equal keep their order. */
  readonly sort?: readonly RowSort[];
}

/** A filter, sort or choice of columns names a column that the data set has not. */
export class UnknownColumnError extends Error {
  override readonly name = 'UnknownColumnError';
  readonly column: string;

  constructor(column: string) {
    super(`The data set has no column ${JSON.stringify(column)}.`);
    this.column = column;
  }
}

/** Parts of a query. Values of users stand only in `values`, as parameters `$1`, `$2`, … */
export interface RowQuery {
  /** Names of the columns shown. */
  readonly columns: readonly string[];
  /** Expression for a row as JSON text. */
  readonly line: string;
  readonly where: string;
  readonly orderBy: string;
  readonly values: readonly string[];
}

/** What counts as a number: an optional sign, digits with an optional fraction, an optional exponent. */
const NUMBER = '[-+]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][-+]?[0-9]+)?';

/** Expression for the number that a text is, null when it is none. */
export function asNumber(text: string): string {
  return `CASE WHEN regexp_full_match(${text}, '${NUMBER}') THEN try_cast(${text} AS DOUBLE) END`;
}

/**
 * Makes the parts of a query out of a selection.
 *
 * @param all columns of the data set in their order
 * @throws {UnknownColumnError}
 * @throws {RangeError} for more than three columns to sort by
 */
export function rowQuery(all: readonly string[], selection: RowSelection): RowQuery {
  const places = new Map(all.map((column, place) => [column, place]));
  const expression = (column: string): string => {
    const place = places.get(column);
    if (place === undefined) throw new UnknownColumnError(column);
    return physical(place);
  };
  const { filter = [], sort = [], showHidden = false } = selection;
  if (sort.length > MAX_SORTS) throw new RangeError(`Rows can be sorted by ${MAX_SORTS} columns at most.`);
  const values: string[] = [];
  const conditions = filter.map((one) => condition(expression(one.column), one, values));
  const columns = selection.columns ?? all.filter((column) => showHidden || !isHidden(column));
  const orders = sort.flatMap(({ column, descending = false }) => {
    const text = expression(column);
    const direction = descending ? 'DESC' : 'ASC';
    const number = asNumber(text);
    return [`(${number}) IS NULL ${direction}`, `${number} ${direction}`, `${text} ${direction}`];
  });
  return {
    columns,
    line: lineExpression(columns.map((column) => ({ column, text: expression(column) }))),
    where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`,
    orderBy: `ORDER BY ${[...orders, 'row'].join()}`,
    values,
  };
}

function condition(text: string, filter: RowFilter, values: string[]): string {
  if (filter.operator === 'empty') return `${text} = ''`;
  if (filter.operator === 'not-empty') return `${text} <> ''`;
  const parameter = `$${values.push(filter.value ?? '')}::VARCHAR`;
  switch (filter.operator) {
    case 'equals':
      return `${text} = ${parameter}`;
    case 'not-equals':
      return `${text} <> ${parameter}`;
    case 'contains':
      return `contains(${text}, ${parameter})`;
    case 'begins-with':
      return `starts_with(${text}, ${parameter})`;
    default: {
      const sign = filter.operator === 'greater' ? '>' : '<';
      const [own, given] = [asNumber(text), asNumber(parameter)];
      const asNumbers = `(${own}) ${sign} (${given})`;
      return `CASE WHEN (${own}) IS NULL OR (${given}) IS NULL THEN ${text} ${sign} ${parameter} ELSE ${asNumbers} END`;
    }
  }
}

/** Puts a row together as JSON: the engine of the database escapes the values, nothing is parsed on the way out. */
export function lineExpression(
  columns: readonly { readonly column: string; readonly text: string }[],
): string {
  const parts = columns.map(({ column, text }, index) => {
    const name = `${index === 0 ? '{' : ','}${JSON.stringify(column)}:`;
    return `'${name.replaceAll("'", "''")}', to_json(${text})`;
  });
  return columns.length === 0 ? `'{}'` : `concat(${parts.join()}, '}')`;
}
