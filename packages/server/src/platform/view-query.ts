import { MAX_SORTS, type RowFilter, type RowSort } from '@slipway/records';

/** What rows are filtered and sorted by. */
export interface ViewQuery {
  filter: readonly RowFilter[];
  sort: readonly RowSort[];
}

/** Columns that are shown on demand only. */
export const systemColumn = (column: string): boolean => column.startsWith('___');

/** Reads the JSON list of conditions; null when it is none. */
export function parseFilter(text: string | undefined): RowFilter[] | null {
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

function readCondition(item: unknown): RowFilter | null {
  if (typeof item !== 'object' || item === null) return null;
  const { column, operator, value = null } = item as Record<string, unknown>;
  if (typeof column !== 'string' || column === '') return null;
  switch (operator) {
    case 'empty':
    case 'not-empty':
      return value === null ? { column, operator } : null;
    case 'equals':
    case 'not-equals':
    case 'contains':
    case 'begins-with':
    case 'greater':
    case 'less':
      return typeof value === 'string' ? { column, operator, value } : null;
    default:
      return null;
  }
}

/** Reads `price,-id`; null for no column, one twice, or too many. */
export function parseSort(text: string | undefined): RowSort[] | null {
  if (text === undefined || text === '') return [];
  const columns = text
    .split(',')
    .map((part) =>
      part.startsWith('-')
        ? { column: part.slice(1), descending: true }
        : { column: part, descending: false },
    );
  const names = new Set(columns.map(({ column }) => column));
  const valid = !names.has('') && names.size === columns.length && columns.length <= MAX_SORTS;
  return valid ? columns : null;
}

/**
 * The query on the columns that a data set has. A column that it has not is empty in every row, so a saved filter works
 * on a data set that lacks one.
 *
 * @returns null when no row can pass
 */
export function onColumns(columns: readonly string[], { filter, sort }: ViewQuery): ViewQuery | null {
  const has = ({ column }: { column: string }): boolean => columns.includes(column);
  if (!filter.filter((condition) => !has(condition)).every(emptyPasses)) return null;
  return { filter: filter.filter(has), sort: sort.filter(has) };
}

function emptyPasses(condition: RowFilter): boolean {
  switch (condition.operator) {
    case 'empty':
      return true;
    case 'equals':
    case 'contains':
    case 'begins-with':
      return condition.value === '';
    case 'not-equals':
    case 'less':
      return condition.value !== '';
    default:
      return false;
  }
}
