import { mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CursorFile } from './cursor-file.ts';
import { readJsonFile } from './json-file.ts';
import { type BlockKeeper, RowFile, type RowRange } from './row-file.ts';

/** What {@link writeInputStream} records about a stream, in `<stream>.json`. */
export interface InputDescription {
  /** All columns in the data set's order, hidden ones among them. */
  readonly columns: readonly string[];
  readonly rows: number;
}

/** Rows that were given out. Their text is read from disk while it is handed over. */
export interface Served {
  readonly rows: number;
  /** Bytes of {@link text} and {@link blocks}. */
  readonly length: number;
  /** The rows at once, one per line, each with its line break. */
  text(): Promise<Buffer>;
  /**
   * The same in blocks, so that no size needs more memory.
   *
   * @param allocate gives the buffer of each block that has not been read yet
   */
  blocks(blockSize: number, allocate?: Allocate): AsyncGenerator<Buffer>;
  /** To be called when the rows have been handed over; only then the cursor is recorded. */
  acknowledge(): void;
}

/** Gives a buffer of so many bytes. */
export type Allocate = (bytes: number) => Buffer;

/** True for the columns that are shown only on demand (container-api.md 5.2). */
export function isHidden(column: string): boolean {
  return column.startsWith('__');
}

/** Path of the file of all columns, which exists only when a stream has hidden ones. */
export function completePath(stream: string): string {
  return `${stream}.hidden`;
}

/**
 * An input stream on disk: rows that do not change, and one cursor. Rows are served as they stand in the file, without
 * parsing; streams with hidden columns have a second file that holds them too.
 */
export class InputStream {
  readonly columns: readonly string[];
  /** All rows of the stream, wherever the cursor stands. */
  readonly count: number;
  readonly #cursor: CursorFile;
  readonly #visible: RowFile;
  readonly #complete: RowFile;
  /** Readings happen one after the other, so that none gives out a row of another. */
  #queue: Promise<unknown> = Promise.resolve();

  private constructor(
    description: InputDescription,
    cursor: CursorFile,
    visible: RowFile,
    complete: RowFile,
  ) {
    this.columns = description.columns;
    this.count = description.rows;
    this.#cursor = cursor;
    this.#visible = visible;
    this.#complete = complete;
  }

  /**
   * @param path folder and name of the stream, as given to {@link writeInputStream}
   * @param cursorFolder folder of the cursors; made when missing
   * @throws when the stream is not complete or can not be read
   */
  static async open(path: string, cursorFolder: string, keeper: BlockKeeper): Promise<InputStream> {
    const description = await readJsonFile<InputDescription>(`${path}.json`);
    if (!description) throw new Error('The stream is not complete');
    const visible = await RowFile.open(path, keeper);
    const hidden = description.columns.some(isHidden);
    const complete = hidden ? await RowFile.open(completePath(path), keeper) : visible;
    await mkdir(cursorFolder, { recursive: true });
    const cursor = await CursorFile.open(join(cursorFolder, basename(path)));
    return new InputStream(description, cursor, visible, complete);
  }

  /**
   * Gives out the next rows and moves the cursor behind them.
   *
   * @param rows how many at most
   * @param allocate gives the buffer for their text, when that is at most 1 MiB
   * @returns null at the end of the stream
   * @throws when the stream can not be read; the cursor stays
   */
  next(rows: number, showHidden: boolean, allocate: Allocate = Buffer.allocUnsafe): Promise<Served | null> {
    return this.#take(showHidden, (file, row, left) => file.locate(row, Math.min(rows, left)), allocate);
  }

  /** As {@link next}, about as many rows as fit into `bytes` (at most 1 MiB) and at least one. */
  nextBytes(
    bytes: number,
    showHidden: boolean,
    allocate: Allocate = Buffer.allocUnsafe,
  ): Promise<Served | null> {
    return this.#take(showHidden, (file, row, left) => file.locateBytes(row, left, bytes), allocate);
  }

  /** Sets the cursor to the first row. */
  restart(): Promise<void> {
    return this.#enqueue(async () => this.#cursor.restart());
  }

  async close(): Promise<void> {
    await this.#enqueue(async () => {
      await this.#cursor.close();
      await this.#visible.close();
      if (this.#complete !== this.#visible) await this.#complete.close();
    });
  }

  #take(
    showHidden: boolean,
    locate: (file: RowFile, row: number, left: number) => Promise<RowRange>,
    allocate: Allocate,
  ): Promise<Served | null> {
    return this.#enqueue(async () => {
      const { row } = this.#cursor;
      if (row >= this.count) return null;
      const file = showHidden ? this.#complete : this.#visible;
      const range = await locate(file, row, this.count - row);
      const bytes = range.end - range.start;
      // While nobody else reads: the block that may hold it is used again.
      const text = bytes <= COPY_LIMIT ? await file.read(range, allocate(bytes)) : null;
      return served(file, range, text, this.#cursor.claim(range.rows));
    });
  }

  #enqueue<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(work);
    this.#queue = result.catch(() => {});
    return result;
  }
}

/** Rows up to this size are held in memory; larger ones are read again while they are sent. */
const COPY_LIMIT = 1024 * 1024;

function served(file: RowFile, range: RowRange, text: Buffer | null, acknowledge: () => void): Served {
  return {
    rows: range.rows,
    length: range.end - range.start,
    acknowledge,
    text: async () => {
      if (text) return text;
      return await file.readInto(Buffer.allocUnsafeSlow(range.end - range.start), range.start);
    },
    blocks: async function* (blockSize, allocate = Buffer.allocUnsafe) {
      if (text) {
        yield text;
        return;
      }
      for (let at = range.start; at < range.end; at += blockSize) {
        yield await file.readInto(allocate(Math.min(blockSize, range.end - at)), at);
      }
    },
  };
}
