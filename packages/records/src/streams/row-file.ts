import { type FileHandle, open } from 'node:fs/promises';
import { BLOCK_SIZE } from './read-blocks.ts';

const NEWLINE = 0x0a;

/** Every so many rows the index holds an offset. */
export const INDEX_STEP = 256;
/** Bytes of an entry of the index: an offset as a 64-bit little-endian integer. */
export const INDEX_ENTRY = 8;
/** Bytes of the index that are kept in memory. */
const INDEX_PAGE = 4096;

/** Consecutive rows of a file. */
export interface RowRange {
  readonly row: number;
  readonly rows: number;
  readonly start: number;
  readonly end: number;
}

/** Files that may keep a block in memory at the same time. */
const BLOCKS_KEPT = 8;

/** Keeps the number of blocks small, whatever the number of files. */
export class BlockKeeper {
  readonly #files = new Set<RowFile>();

  /** Notes that a file has a block, and takes the block of the file that was used longest ago. */
  use(file: RowFile): void {
    this.#files.delete(file);
    this.#files.add(file);
    if (this.#files.size <= BLOCKS_KEPT) return;
    const [oldest] = this.#files;
    this.#files.delete(oldest!);
    oldest!.dropBlock();
  }
}

/**
 * A complete file of rows, one per line, with an index. Rows are found without being parsed: reading on needs no index,
 * a jump reads one entry of it.
 */
export class RowFile {
  readonly #rows: FileHandle;
  readonly #index: FileHandle;
  readonly #keeper: BlockKeeper;
  #block: Buffer | null = null;
  #blockStart = 0;
  #blockEnd = 0;
  /** A part of the index, and where in it that stands. */
  #indexPage = Buffer.alloc(0);
  #indexAt = -1;
  /** Where reading stands: the offset of a row. */
  #row = 0;
  #offset = 0;

  private constructor(rows: FileHandle, index: FileHandle, keeper: BlockKeeper) {
    this.#rows = rows;
    this.#index = index;
    this.#keeper = keeper;
  }

  /** @param path path of the file without `.ndjson` */
  static async open(path: string, keeper: BlockKeeper): Promise<RowFile> {
    const rows = await open(`${path}.ndjson`, 'r');
    try {
      return new RowFile(rows, await open(`${path}.index`, 'r'), keeper);
    } catch (error) {
      await rows.close();
      throw error;
    }
  }

  /** Where `rows` rows from `row` on stand; all of them must exist. */
  async locate(row: number, rows: number): Promise<RowRange> {
    await this.#seek(row);
    const start = this.#offset;
    const end = (await this.#endNear(start, rows)) ?? (await this.#offsetOf(row + rows));
    this.#row = row + rows;
    this.#offset = end;
    return { row, rows, start, end };
  }

  /**
   * Whole rows from `row` on, at least one and at most `rows`: about as many as fit into `bytes`.
   *
   * @param bytes not more than {@link BLOCK_SIZE}
   */
  async locateBytes(row: number, rows: number, bytes: number): Promise<RowRange> {
    const step = row % INDEX_STEP;
    const steps = step === 0 ? await this.#stepsWithin(row, rows, bytes) : null;
    if (steps) return steps;
    await this.#seek(row);
    await this.#load(this.#offset);
    const from = this.#offset - this.#blockStart;
    const to = Math.min(this.#blockEnd - this.#blockStart, from + bytes);
    const block = this.#block!;
    // Up to the next row that the index knows.
    const limit = Math.min(rows, INDEX_STEP - step);
    let found = 0;
    let at = from;
    while (found < limit) {
      const newline = block.indexOf(NEWLINE, at);
      if (newline === -1 || newline >= to) break;
      at = newline + 1;
      found++;
    }
    // A row that is larger than that.
    if (found === 0) return await this.locate(row, 1);
    const start = this.#offset;
    this.#row = row + found;
    this.#offset = this.#blockStart + at;
    return { row, rows: found, start, end: this.#offset };
  }

  /** The bytes of a range, read into `bytes`, which is as long. */
  async read({ start, end }: RowRange, bytes: Buffer): Promise<Buffer> {
    if (!this.#block || start < this.#blockStart || end > this.#blockEnd) {
      return await this.readInto(bytes, start);
    }
    this.#block.copy(bytes, 0, start - this.#blockStart, end - this.#blockStart);
    return bytes;
  }

  /**
   * Fills a buffer from the file, and gives it back.
   *
   * @throws when the file is shorter
   */
  async readInto(bytes: Buffer, start: number): Promise<Buffer> {
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await this.#rows.read(bytes, filled, bytes.length - filled, start + filled);
      if (bytesRead === 0) throw new Error('The file is shorter than its index says');
      filled += bytesRead;
    }
    return bytes;
  }

  /** Gives the block back; called when other files are read. */
  dropBlock(): void {
    this.#block = null;
    this.#blockStart = 0;
    this.#blockEnd = 0;
  }

  async close(): Promise<void> {
    this.dropBlock();
    await this.#rows.close();
    await this.#index.close();
  }

  /** Makes reading stand at a row. */
  async #seek(row: number): Promise<void> {
    if (row === this.#row) return;
    this.#offset = await this.#offsetOf(row);
    this.#row = row;
  }

  /** The end of so many rows, if it lies within a block from `start`; null otherwise. */
  async #endNear(start: number, rows: number): Promise<number | null> {
    const known = this.#endInBlock(start, rows);
    if (known !== null) return known;
    await this.#load(start, true);
    return this.#endInBlock(start, rows);
  }

  #endInBlock(start: number, rows: number): number | null {
    const block = this.#block;
    if (!block || start < this.#blockStart || start > this.#blockEnd) return null;
    const limit = this.#blockEnd - this.#blockStart;
    let at = start - this.#blockStart;
    for (let count = 0; count < rows; count++) {
      const newline = block.indexOf(NEWLINE, at);
      if (newline === -1 || newline >= limit) return null;
      at = newline + 1;
    }
    return this.#blockStart + at;
  }

  /** Makes the block begin at `start`, unless it holds that place already and `anew` is not asked for. */
  async #load(start: number, anew = false): Promise<void> {
    const holds = this.#block && start >= this.#blockStart && start < this.#blockEnd;
    if (holds && !anew) return;
    const block = this.#block ?? Buffer.allocUnsafeSlow(BLOCK_SIZE);
    this.#block = null;
    const { bytesRead } = await this.#rows.read(block, 0, BLOCK_SIZE, start);
    this.#block = block;
    this.#blockStart = start;
    this.#blockEnd = start + bytesRead;
    this.#keeper.use(this);
  }

  /** As many steps of the index from `row` on as fit into `bytes`; null when not even one does. */
  async #stepsWithin(row: number, rows: number, bytes: number): Promise<RowRange | null> {
    let to = row + INDEX_STEP;
    if (to > row + rows) return null;
    const start = await this.#indexed(row);
    let end = await this.#indexed(to);
    if (end - start > bytes) return null;
    for (let next = to + INDEX_STEP; next <= row + rows; next += INDEX_STEP) {
      const offset = await this.#indexed(next);
      if (offset - start > bytes) break;
      [to, end] = [next, offset];
    }
    this.#row = to;
    this.#offset = end;
    return { row, rows: to - row, start, end };
  }

  /** Where a row begins whose number is a multiple of {@link INDEX_STEP}. */
  async #indexed(row: number): Promise<number> {
    const at = (row / INDEX_STEP) * INDEX_ENTRY;
    const page = Math.floor(at / INDEX_PAGE) * INDEX_PAGE;
    if (page !== this.#indexAt) {
      const read = await this.#index.read(Buffer.allocUnsafeSlow(INDEX_PAGE), 0, INDEX_PAGE, page);
      this.#indexPage = read.buffer.subarray(0, read.bytesRead);
      this.#indexAt = page;
    }
    if (at - page + INDEX_ENTRY > this.#indexPage.length) throw new Error('The index is too short');
    return Number(this.#indexPage.readBigUInt64LE(at - page));
  }

  /** Where a row begins; the end of the file for the row behind the last one. */
  async #offsetOf(row: number): Promise<number> {
    let left = row % INDEX_STEP;
    let offset = await this.#indexed(row - left);
    while (left > 0) {
      await this.#load(offset);
      const block = this.#block!;
      const newline = block.indexOf(NEWLINE, offset - this.#blockStart);
      const inBlock = newline !== -1 && newline < this.#blockEnd - this.#blockStart;
      if (inBlock) left--;
      else if (this.#blockEnd === offset || this.#blockEnd === this.#blockStart) {
        throw new Error('The file is shorter than its index says');
      }
      offset = inBlock ? this.#blockStart + newline + 1 : this.#blockEnd;
    }
    return offset;
  }
}
