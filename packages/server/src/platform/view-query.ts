/** Operators of a filter (6.1); the last two take no value. */
export const filterOperators = [
  'equals',
  'not-equals',
  'contains',
  'begins-with',
  'greater',
  'less',
  'empty',
  'not-empty',
] as const;
export type FilterOperator = (typeof filterOperators)[number];

/** One condition; all of a filter must hold. */
export interface Condition {
  column: string;
  operator: FilterOperator;
  /** Empty for the operators that take none. */
  value: string;
}

export interface SortColumn {
  column: string;
  descending: boolean;
}

/** Most columns that rows are sorted by. */
const mostSortColumns = 3;

/** Columns that are shown on demand only. */
export const systemColumn = (column: string): boolean => column.startsWith('___');

const withoutValue: readonly string[] = ['empty', 'not-empty'];

/** Reads the JSON list of conditions; null when it is none. */
export function parseFilter(text: string | undefined): Condition[] | null {
  if (text === undefined || text === '') return [];
  let list: unknown;
  try {
    list = JSON.parse(text);
  } catch {
    return null;
  }
  if (!Array.isArray(list)) return null;
  const conditions = list.map(readCondition);
  return conditions.every((condition) => condition !== null) ? conditions : null;
}

function readCondition(item: unknown): Condition | null {
  if (typeof item !== 'object' || item === null) return null;
  const { column, operator, value = null } = item as Record<string, unknown>;
  if (typeof column !== 'string' || column === '') return null;
  const known = filterOperators.find((candidate) => candidate === operator);
  if (known === undefined) return null;
  if (withoutValue.includes(known)) return value === null ? { column, operator: known, value: '' } : null;
  return typeof value === 'string' ? { column, operator: known, value } : null;
}

/** Reads `price,-id`; null for no column, one twice, or too many. */
export function parseSort(text: string | undefined): SortColumn[] | null {
  if (text === undefined || text === '') return [];
  const columns = text
    .split(',')
    .map((part) =>
      part.startsWith('-')
        ? { column: part.slice(1), descending: true }
        : { column: part, descending: false },
    );
  const names = new Set(columns.map(({ column }) => column));
  const valid = !names.has('') && names.size === columns.length && columns.length <= mostSortColumns;
  return valid ? columns : null;
}
