import { Expected } from '../json/json-scanner.ts';
import { decodeString } from '../json/json-text.ts';

/** Why a flattened name can not be a column. */
export type NameProblem = 'empty' | 'too-long' | null;

/** Characters (code points) that a column name may have. */
export const MAX_NAME_LENGTH = 1000;
/** Nodes that are remembered; beyond, the table is emptied and grows anew, since keys may be spelled in endless ways. */
const MAX_NODES = 100_000;

/** A name that leaves of rows have been given. */
export interface Column {
  readonly name: string;
  /** `"name":` as JSON, in UTF-8. */
  readonly literal: Uint8Array;
  /** The same, to be compared with. */
  readonly spelled: Expected;
  readonly problem: NameProblem;
  /** True when the stream has the column; false while only calls in progress have it. */
  known: boolean;
  /** Serial number of the last call that brought it while it was not known. */
  call: number;
  /** Serial number of the last row that had it, and its place among the columns of that row. */
  row: number;
  slot: number;
}

/** A place in the structure of rows: a key below a key, or an index of a list. */
export interface PathNode {
  /** Key as it was spelled, with quotes and escapes; empty for list elements. */
  readonly key: Expected;
  readonly name: string;
  /** Column of the values that stand here; null until there is one. */
  column: Column | null;
  /** Whether the key, as it was spelled, and a colon are what the column's name is written as. */
  verbatim: boolean;
  /** The key that followed this one last time, and the first key inside: the guess for the next row. */
  next: PathNode | null;
  first: PathNode | null;
  /** Children by spelled key, as Latin-1 text; by index for lists. */
  keys: Map<string, PathNode> | null;
  items: PathNode[] | null;
}

/**
 * Remembers the names of all places that rows have had, for one separator: a key costs one comparison of bytes as
 * long as rows look like the ones before, instead of building and hashing its name.
 */
export class PathTable {
  readonly separator: string;
  readonly #columns: Map<string, Column>;
  #root = node(NO_KEY, '');
  #nodes = 0;

  /** @param columns the columns by name, shared by the tables of all separators of a stream */
  constructor(separator: string, columns: Map<string, Column>) {
    this.separator = separator;
    this.#columns = columns;
  }

  /** The place of a row itself; asked for anew at each row. */
  root(): PathNode {
    if (this.#nodes > MAX_NODES) {
      this.#root = node(NO_KEY, '');
      this.#nodes = 0;
    }
    return this.#root;
  }

  /** The place of a key whose literal, with its quotes, is `bytes[start, end)`. */
  key(parent: PathNode, bytes: Buffer, start: number, end: number): PathNode {
    parent.keys ??= new Map();
    const spelled = bytes.toString('latin1', start, end);
    const found = parent.keys.get(spelled);
    if (found) return found;
    const literal = Buffer.from(bytes.subarray(start, end));
    const child = node(new Expected(literal), this.#below(parent, decodeString(literal)));
    // One row alone may spell a key in millions of ways.
    if (this.#nodes++ < MAX_NODES) parent.keys.set(spelled, child);
    return child;
  }

  /** The place of an element of a list. */
  item(parent: PathNode, index: number): PathNode {
    parent.items ??= [];
    const found = parent.items[index];
    if (found) return found;
    const child = node(NO_KEY, this.#below(parent, String(index)));
    parent.items[index] = child;
    this.#nodes++;
    return child;
  }

  /** The column of values that stand at `place`. */
  column(place: PathNode): Column {
    let column = this.#columns.get(place.name);
    if (!column) {
      column = makeColumn(place.name);
      this.#columns.set(place.name, column);
    }
    place.column = column;
    place.verbatim = spellsName(place.key.bytes, column.literal);
    return column;
  }

  #below(parent: PathNode, key: string): string {
    if (parent === this.#root) return key;
    // A name that is too long stays so: nothing longer has to be built, however deep the row is.
    if (parent.name.length > 2 * MAX_NAME_LENGTH) return parent.name;
    return parent.name + this.separator + key;
  }
}

const NO_KEY = new Expected(new Uint8Array(0));

function node(key: Expected, name: string): PathNode {
  return { key, name, column: null, verbatim: false, next: null, first: null, keys: null, items: null };
}

/** @param literal {@link Column.literal} */
function spellsName(key: Uint8Array, literal: Uint8Array): boolean {
  return key.length === literal.length - 1 && key.every((byte, index) => byte === literal[index]);
}

/** A column of this name that no row has had yet. */
export function makeColumn(name: string): Column {
  const literal = Buffer.from(`${JSON.stringify(name)}:`);
  return {
    name,
    literal,
    spelled: new Expected(literal),
    problem: problemOf(name),
    known: false,
    call: 0,
    row: 0,
    slot: 0,
  };
}

function problemOf(name: string): NameProblem {
  if (name === '') return 'empty';
  if (name.length <= MAX_NAME_LENGTH) return null;
  let characters = 0;
  for (const _ of name) if (++characters > MAX_NAME_LENGTH) return 'too-long';
  return null;
}
