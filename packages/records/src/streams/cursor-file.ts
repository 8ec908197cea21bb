import { writeSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/** Rows that were given out and not yet acknowledged. */
interface Claim {
  readonly end: number;
  acknowledged: boolean;
}

/**
 * A cursor that survives a crash. It moves in memory when rows are given out, and on disk when they have been
 * acknowledged: after a crash a row may be given out twice, none is skipped.
 */
export class CursorFile {
  readonly #handle: FileHandle;
  #row: number;
  /** Rows before this one have been acknowledged. */
  #safe: number;
  #claims: Claim[] = [];
  #written: number;
  readonly #stored = Buffer.alloc(8);

  private constructor(handle: FileHandle, row: number) {
    this.#handle = handle;
    this.#row = row;
    this.#safe = row;
    this.#written = row;
  }

  /** Opens a cursor, at the first row when it is new. */
  static async open(path: string): Promise<CursorFile> {
    const handle = await open(path, 'a').then(async (created) => {
      await created.close();
      return await open(path, 'r+');
    });
    const stored = Buffer.alloc(8);
    await handle.read(stored, 0, 8, 0);
    return new CursorFile(handle, Number(stored.readBigUInt64LE()));
  }

  /** The next row to be given out, counted from 0. */
  get row(): number {
    return this.#row;
  }

  /**
   * Gives out rows.
   *
   * @returns to be called when the rows have been handed over
   */
  claim(rows: number): () => void {
    this.#row += rows;
    const claim: Claim = { end: this.#row, acknowledged: false };
    const claims = this.#claims;
    claims.push(claim);
    return () => {
      claim.acknowledged = true;
      // After a restart the claims before it mean nothing.
      if (claims === this.#claims) this.#advance();
    };
  }

  /** Sets the cursor to the first row, and records that. */
  restart(): void {
    this.#row = 0;
    this.#safe = 0;
    this.#claims = [];
    this.#write();
  }

  async close(): Promise<void> {
    try {
      this.#write();
    } finally {
      await this.#handle.close();
    }
  }

  #advance(): void {
    let count = 0;
    while (this.#claims[count]?.acknowledged) this.#safe = this.#claims[count++]!.end;
    if (count === 0) return;
    this.#claims.splice(0, count);
    try {
      this.#write();
    } catch {
      // A cursor that could not be recorded only means that rows may be given out twice after a crash.
    }
  }

  /** Records the newest position: eight bytes, which the system copies in less time than it takes to wake another thread. */
  #write(): void {
    if (this.#written === this.#safe) return;
    this.#stored.writeBigUInt64LE(BigInt(this.#safe));
    writeSync(this.#handle.fd, this.#stored, 0, 8, 0);
    this.#written = this.#safe;
  }
}
