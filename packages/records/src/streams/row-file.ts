import { type FileHandle, open } from 'node:fs/promises';
import { BLOCK_SIZE } from './read-blocks.ts';

const NEWLINE = 0x0a;

/** Every so many rows the index holds an offset. */
export const INDEX_STEP = 256;
/** Bytes of an entry of the index: an offset as a 64-bit little-endian integer. */
export const INDEX_ENTRY = 8;

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
    if (row !== this.#row) {
      this.#offset = await this.#offsetOf(row);
      this.#row = row;
    }
    const start = this.#offset;
    const end = (await this.#endNear(start, rows)) ?? (await this.#offsetOf(row + rows));
    this.#row = row + rows;
    this.#offset = end;
    return { row, rows, start, end };
  }

  /**
   * As many whole rows from `row` on as fit into `bytes`, at least one, at most `rows`.
   *
   * @param bytes not more than {@link BLOCK_SIZE}
   */
  async locateBytes(row: number, rows: number, bytes: number): Promise<RowRange> {
    if (row !== this.#row) {
      this.#offset = await this.#offsetOf(row);
      this.#row = row;
    }
    await this.#load(this.#offset);
    const from = this.#offset - this.#blockStart;
    const to = Math.min(this.#blockEnd - this.#blockStart, from + bytes);
    const block = this.#block!;
    let found = 0;
    let at = from;
    while (found < rows) {
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

  /** Gives the bytes of a range away with the block that holds them; null when none does. */
  takeBlock({ start, end }: RowRange): Buffer | null {
    const bytes = this.#slice(start, end);
    if (bytes) this.dropBlock();
    return bytes;
  }

  /** The bytes of a range; valid until the next read when they come from the block. */
  async read(range: RowRange): Promise<Buffer> {
    const inBlock = this.#slice(range.start, range.end);
    if (inBlock) return inBlock;
    const bytes = Buffer.allocUnsafeSlow(range.end - range.start);
    await this.readInto(bytes, range.start);
    return bytes;
  }

  /**
   * Fills a buffer from the file.
   *
   * @throws when the file is shorter
   */
  async readInto(bytes: Buffer, start: number): Promise<void> {
    let filled = 0;
    while (filled < bytes.length) {
      const { bytesRead } = await this.#rows.read(bytes, filled, bytes.length - filled, start + filled);
      if (bytesRead === 0) throw new Error('The file is shorter than its index says');
      filled += bytesRead;
    }
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

  #slice(start: number, end: number): Buffer | null {
    if (!this.#block || start < this.#blockStart || end > this.#blockEnd) return null;
    return this.#block.subarray(start - this.#blockStart, end - this.#blockStart);
  }

  /** Where a row begins; the end of the file for the row behind the last one. */
  async #offsetOf(row: number): Promise<number> {
    const entry = Buffer.alloc(INDEX_ENTRY);
    const nearest = Math.floor(row / INDEX_STEP);
    const { bytesRead } = await this.#index.read(entry, 0, INDEX_ENTRY, nearest * INDEX_ENTRY);
    if (bytesRead < INDEX_ENTRY) throw new Error('The index is too short');
    let offset = Number(entry.readBigUInt64LE());
    for (let left = row - nearest * INDEX_STEP; left > 0; ) {
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
