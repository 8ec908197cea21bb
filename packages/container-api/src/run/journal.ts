import { AppendFile, readLines } from '@slipway/records';

/** An append-only file of JSON lines; a line that a crash cut short is removed when it is opened. */
export class Journal {
  readonly #file: AppendFile;

  private constructor(file: AppendFile) {
    this.#file = file;
  }

  static async open(path: string): Promise<Journal> {
    let length = 0;
    try {
      for await (const line of readLines(path)) length += line.length + 1;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return new Journal(await AppendFile.open(path, length));
  }

  /** Bytes of the file and of what is on its way to it. */
  get end(): number {
    return this.#file.end;
  }

  /**
   * Appends one line. What it holds is there as a whole after a crash, or not at all.
   *
   * @param beforeStored called with the length the file will have, just before the line is handed over
   * @throws {StorageFailure}
   */
  async append(record: unknown, beforeStored?: (end: number) => void): Promise<void> {
    const line = Buffer.from(`${JSON.stringify(record)}\n`);
    beforeStored?.(this.#file.end + line.length);
    await this.#file.append(line);
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
