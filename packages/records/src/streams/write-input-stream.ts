import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { ByteSink } from '../flatten/byte-sink.ts';
import { completePath, type InputDescription, isHidden } from './input-stream.ts';
import { writeJsonFile } from './json-file.ts';
import { RowIndexWriter } from './row-index.ts';

const FLUSH_AT = 1024 * 1024;

/**
 * Writes an input stream: one line per row with every column in the order given, and the index. With hidden columns
 * there are two files, one without them and one with all.
 *
 * @param path folder and name of the stream; suffixes are added
 * @param columns all columns in the data set's order
 * @param rows values in the order of `columns`; a missing one, or null, is empty text
 * @returns how many rows were written; the stream exists only when this is fulfilled
 */
export async function writeInputStream(
  path: string,
  columns: readonly string[],
  rows: AsyncIterable<readonly (string | null | undefined)[]>,
): Promise<number> {
  await mkdir(dirname(path), { recursive: true });
  const all = columns.map((column, index) => ({ index, literal: `${JSON.stringify(column)}:`, column }));
  const writers = [
    await RowFileWriter.open(
      path,
      all.filter(({ column }) => !isHidden(column)),
    ),
  ];
  if (columns.some(isHidden)) writers.push(await RowFileWriter.open(completePath(path), all));
  let count = 0;
  try {
    for await (const row of rows) {
      for (const writer of writers) await writer.row(row);
      count++;
    }
    for (const writer of writers) await writer.finish();
  } finally {
    for (const writer of writers) await writer.close();
  }
  const description: InputDescription = { columns, rows: count };
  await writeJsonFile(`${path}.json`, description);
  return count;
}

interface WrittenColumn {
  readonly index: number;
  /** `"name":` */
  readonly literal: string;
}

class RowFileWriter {
  readonly #rows: FileHandle;
  readonly #index: RowIndexWriter;
  readonly #columns: readonly WrittenColumn[];
  readonly #lines = new ByteSink(FLUSH_AT + 64 * 1024);
  #written = 0;

  private constructor(rows: FileHandle, index: RowIndexWriter, columns: readonly WrittenColumn[]) {
    this.#rows = rows;
    this.#index = index;
    this.#columns = columns;
  }

  static async open(path: string, columns: readonly WrittenColumn[]): Promise<RowFileWriter> {
    const rows = await open(`${path}.ndjson`, 'w', 0o600);
    return new RowFileWriter(rows, await RowIndexWriter.open(path), columns);
  }

  async row(values: readonly (string | null | undefined)[]): Promise<void> {
    this.#index.note(this.#written + this.#lines.length);
    let line = '{';
    for (const { index, literal } of this.#columns) {
      if (line.length > 1) line += ',';
      line += literal + JSON.stringify((values[index] ?? '').toWellFormed());
    }
    line += '}\n';
    const room = line.length * 3;
    const block = this.#lines.reserve(room);
    this.#lines.length += block.write(line, this.#lines.length);
    if (this.#lines.length >= FLUSH_AT) await this.#flush();
  }

  async finish(): Promise<void> {
    await this.#flush();
    await this.#index.finish(this.#written);
    await this.#rows.datasync();
  }

  async close(): Promise<void> {
    await this.#rows.close();
    await this.#index.close();
  }

  async #flush(): Promise<void> {
    await this.#rows.writeFile(this.#lines.view());
    await this.#index.flush();
    this.#written += this.#lines.length;
    this.#lines.length = 0;
  }
}
