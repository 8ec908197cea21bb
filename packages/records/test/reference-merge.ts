/** A row as a map, which keeps the order of its columns. */
export type Row = ReadonlyMap<string, string>;

export interface PlainMain {
  readonly rows: readonly Row[];
  readonly prefix: string | null;
}

export interface PlainJoined extends PlainMain {
  readonly key: string | null;
  readonly match: string | null;
  readonly join: 'fill' | 'overwrite';
}

export interface PlainCounts {
  readonly rows: number;
  readonly repeated: number;
  readonly withoutId: number;
  readonly unmatched: number;
}

/** Columns of rows in order of first appearance. */
export const columnsOf = (rows: readonly Row[]): string[] => [
  ...new Set(rows.flatMap((row) => [...row.keys()])),
];

/** Merging as product.md 4.3 tells it, word by word. */
export function mergeSlowly(
  main: readonly PlainMain[],
  joined: readonly PlainJoined[],
  idColumn: string | null,
): { columns: string[]; rows: string[][]; main: PlainCounts[]; joined: PlainCounts[] } {
  const columns: string[] = [];
  const rows: Map<string, string>[] = [];
  const seen = new Set<string>();
  const named = (prefix: string | null, key: string | null, column: string) =>
    column === key ? column : (prefix ?? '') + column;
  const note = (name: string) => {
    if (!columns.includes(name)) columns.push(name);
  };

  const mainCounts = main.map((source) => {
    let [repeated, withoutId] = [0, 0];
    const own = columnsOf(source.rows);
    for (const column of own) note(named(source.prefix, idColumn, column));
    for (const row of source.rows) {
      const made = new Map<string, string>();
      for (const column of own) {
        const name = named(source.prefix, idColumn, column);
        // A prefix may make two columns one: the first that is filled counts.
        made.set(name, made.get(name) || (row.get(column) ?? ''));
      }
      rows.push(made);
      if (idColumn === null) continue;
      const id = row.get(idColumn) ?? '';
      if (id === '') withoutId++;
      else if (seen.has(id)) repeated++;
      seen.add(id);
    }
    return { rows: source.rows.length, repeated, withoutId, unmatched: 0 };
  });

  const joinedCounts = joined.map((source) => {
    let unmatched = 0;
    for (const column of columnsOf(source.rows)) {
      if (column !== source.key) note(named(source.prefix, source.key, column));
    }
    // A source applies to what the sources before it made: its own values do not change what its rows match.
    const matches = rows.map((row) => (source.match === null ? '' : (row.get(source.match) ?? '')));
    for (const given of source.rows) {
      const key = source.key === null ? '' : (given.get(source.key) ?? '');
      const partners = rows.filter((_, index) => key !== '' && matches[index] === key);
      if (partners.length === 0) unmatched++;
      for (const row of partners) {
        for (const [column, value] of given) {
          if (column === source.key || value === '') continue;
          const name = named(source.prefix, source.key, column);
          if (source.join === 'overwrite' || !row.get(name)) row.set(name, value);
        }
      }
    }
    return { rows: source.rows.length, repeated: 0, withoutId: 0, unmatched };
  });
  return {
    columns,
    rows: rows.map((row) => columns.map((column) => row.get(column) ?? '')),
    main: mainCounts,
    joined: joinedCounts,
  };
}
