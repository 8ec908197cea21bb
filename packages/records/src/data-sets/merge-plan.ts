import type { MergeSources } from './merge-sources.ts';

/** A column of the main rows, and the columns of sources that it comes from. */
export interface MainColumn {
  readonly name: string;
  readonly origins: readonly { readonly source: number; readonly column: string }[];
}

/** A column of a joined source, and the merged column that its values go to. */
export interface JoinedColumn {
  readonly column: string;
  readonly target: string;
}

/** Names of a merge: no rows are looked at. */
export interface MergePlan {
  readonly mainColumns: readonly MainColumn[];
  /** What each joined source copies. */
  readonly joined: readonly (readonly JoinedColumn[])[];
  /** Columns of the merged rows in order of first appearance. */
  readonly columns: readonly string[];
}

/** Settles which column of which source goes where. */
export function planMerge({ main, joined, idColumn }: MergeSources): MergePlan {
  const mainColumns = new Map<string, { source: number; column: string }[]>();
  for (const [source, { rows, prefix }] of main.entries()) {
    for (const column of rows.columns) {
      const name = column === idColumn ? column : `${prefix ?? ''}${column}`;
      const origins = mainColumns.get(name) ?? [];
      origins.push({ source, column });
      mainColumns.set(name, origins);
    }
  }
  const copied = joined.map(({ rows, prefix, key }) =>
    rows.columns
      .filter((column) => column !== key)
      .map((column) => ({ column, target: `${prefix ?? ''}${column}` })),
  );
  const targets = copied.flatMap((columns) => columns.map(({ target }) => target));
  return {
    mainColumns: [...mainColumns].map(([name, origins]) => ({ name, origins })),
    joined: copied,
    columns: [...new Set([...mainColumns.keys(), ...targets])],
  };
}
