import type { RowSource } from './row-source.ts';

/** Rows that are appended. */
export interface MainSource {
  readonly rows: RowSource;
  /** Goes before all columns but the id column. */
  readonly prefix?: string | null;
}

/** Rows that give their values to rows they match: an additional source, or feedback. */
export interface JoinedSource {
  readonly rows: RowSource;
  /** Goes before all columns but the key column. */
  readonly prefix?: string | null;
  /** Column of these rows that is compared, and is not copied; null: nothing can match. */
  readonly key: string | null;
  /** Column of the merged rows that is compared with it. */
  readonly match: string | null;
  /** `fill`: only into empty cells, the first value counts. `overwrite`: the last value replaces. */
  readonly join: 'fill' | 'overwrite';
}

export interface MergeSources {
  readonly main: readonly MainSource[];
  /** In the order in which they apply; feedback comes last. */
  readonly joined: readonly JoinedSource[];
  /** Column whose values should be there, and different; null when the rows have none. */
  readonly idColumn: string | null;
}

/** What a source brought, and what of it is worth a warning. */
export interface SourceCounts {
  readonly rows: number;
  /** Main rows whose id came before, in this source or an earlier one. They stay. */
  readonly repeated: number;
  /** Main rows without an id. They stay. */
  readonly withoutId: number;
  /** Joined rows without a key or without a partner. They add nothing. */
  readonly unmatched: number;
}
