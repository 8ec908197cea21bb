import { type Column, makeColumn, PathTable } from './paths.ts';

/** Columns that one output stream may have (container-api.md 2.6). */
export const MAX_COLUMNS = 20_000;
/** Separators whose tables are kept; a connector uses one or two. */
const MAX_TABLES = 16;

/** The columns of an output stream in order of first appearance, and what flattening remembers about them. */
export class ColumnRegister {
  #names: string[] = [];
  #columns = new Map<string, Column>();
  #tables = new Map<string, PathTable>();

  /** @param names columns that the stream has already */
  constructor(names: readonly string[] = []) {
    this.add(names);
  }

  /** Names of the columns in their order. */
  get names(): readonly string[] {
    return this.#names;
  }

  /** How many columns more the stream may get. */
  get room(): number {
    return MAX_COLUMNS - this.#names.length;
  }

  /** The names of places of rows for one separator. */
  paths(separator: string): PathTable {
    let table = this.#tables.get(separator);
    if (!table) {
      if (this.#tables.size >= MAX_TABLES) this.#tables.clear();
      table = new PathTable(separator, this.#columns);
      this.#tables.set(separator, table);
    }
    return table;
  }

  /** Which of these names the stream has not yet, in their order. */
  unknown(columns: readonly Column[]): string[] {
    return columns.map((column) => column.name).filter((name) => !this.#columns.get(name)?.known);
  }

  /** Takes names as columns of the stream. */
  add(names: readonly string[]): void {
    for (const name of names) {
      let column = this.#columns.get(name);
      if (!column) {
        column = makeColumn(name);
        this.#columns.set(name, column);
      }
      if (column.known) continue;
      column.known = true;
      this.#names.push(name);
    }
  }

  /** Forgets everything that only refused calls brought, so that they do not fill the memory. */
  forgetRefused(): void {
    const names = this.#names;
    this.#names = [];
    this.#columns = new Map();
    this.#tables = new Map();
    this.add(names);
  }
}
