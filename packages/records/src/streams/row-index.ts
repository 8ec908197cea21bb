import { type FileHandle, open } from 'node:fs/promises';
import { ByteSink } from '../flatten/byte-sink.ts';
import { readBlocks } from './read-blocks.ts';
import { INDEX_ENTRY, INDEX_STEP } from './row-file.ts';

const NEWLINE = 0x0a;
const FLUSH_AT = 64 * 1024;

/** Collects where the rows of a file begin, and writes the offsets that its index holds. */
export class RowIndexWriter {
  readonly #file: FileHandle;
  readonly #entries = new ByteSink(FLUSH_AT);
  #rows = 0;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** @param path path of the rows without `.ndjson` */
  static async open(path: string): Promise<RowIndexWriter> {
    return new RowIndexWriter(await open(`${path}.index`, 'w', 0o600));
  }

  /** Rows noted so far. */
  get rows(): number {
    return this.#rows;
  }

  /** Notes where the next row begins. */
  note(offset: number): void {
    if (this.#rows++ % INDEX_STEP === 0) this.#push(offset);
  }

  /** Hands over what has been collected. */
  async flush(): Promise<void> {
    await this.#file.writeFile(this.#entries.view());
    this.#entries.length = 0;
  }

  /** @param end length of the file: the row behind the last one is found like any other */
  async finish(end: number): Promise<void> {
    if (this.#rows % INDEX_STEP === 0) this.#push(end);
    await this.flush();
    await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  #push(offset: number): void {
    const block = this.#entries.reserve(INDEX_ENTRY);
    block.writeBigUInt64LE(BigInt(offset), this.#entries.length);
    this.#entries.length += INDEX_ENTRY;
  }
}

/**
 * Writes the index of a complete file of rows.
 *
 * @param path path of the file without `.ndjson`
 * @returns its rows
 */
export async function writeRowIndex(path: string): Promise<number> {
  const index = await RowIndexWriter.open(path);
  try {
    let [blockAt, lineAt] = [0, 0];
    for await (const block of readBlocks(`${path}.ndjson`)) {
      for (let at = block.indexOf(NEWLINE); at !== -1; at = block.indexOf(NEWLINE, at + 1)) {
        index.note(lineAt);
        lineAt = blockAt + at + 1;
      }
      blockAt += block.length;
      await index.flush();
    }
    await index.finish(blockAt);
    return index.rows;
  } finally {
    await index.close();
  }
}
