// @ts-check
/** @import { InputName, ReadOptions, Row, RowReader as RowReaderApi } from '../types.d.ts' */
/** @import { HttpClient } from './http.js' */
/** @import { Positions } from './positions.js' */
import { ApiError, UnreachableError } from './errors.js';

const NEWLINE = 0x0a;
const BATCH_SIZE = 500;

/** @implements {RowReaderApi} */
export class RowReader {
  #client;
  #stream;
  #options;
  #positions;
  #position;
  #signal;

  /**
   * @param {HttpClient} client
   * @param {InputName} stream
   * @param {ReadOptions} options
   * @param {Positions} positions
   * @param {AbortSignal} signal
   */
  constructor(client, stream, options, positions, signal) {
    this.#client = client;
    this.#stream = stream;
    this.#options = options;
    this.#positions = positions;
    this.#position = positions.of(stream, options.classification);
    this.#signal = signal;
  }

  async *[Symbol.asyncIterator]() {
    for await (const lines of this.#lines()) {
      for (const line of lines) {
        this.#signal.throwIfAborted();
        const row = JSON.parse(line);
        this.#position.rows += 1;
        yield row;
      }
    }
  }

  async *batches(size = BATCH_SIZE) {
    if (!Number.isInteger(size) || size < 1) throw new RangeError('The size of a batch should be 1 or more.');
    /** @type {Row[]} */
    let batch = [];
    for await (const lines of this.#lines()) {
      for (const line of lines) {
        batch.push(JSON.parse(line));
        if (batch.length < size) continue;
        this.#signal.throwIfAborted();
        this.#position.rows += batch.length;
        yield batch;
        batch = [];
      }
    }
    this.#position.rows += batch.length;
    if (batch.length > 0) yield batch;
  }

  async count() {
    const { data } = await this.#client.call('GET', `/items/${this.#stream}/count`, {
      query: this.#query(false),
    });
    return data.count;
  }

  async restart() {
    await this.#setBack();
    this.#position.rows = 0;
  }

  /**
   * The lines from the position to the end, as they arrive. When the connection fails, the stream is read anew and the lines
   * that were given out are passed over: the order of the rows is the same.
   *
   * @returns {AsyncGenerator<string[]>}
   */
  async *#lines() {
    const position = this.#position;
    if (position.busy) {
      throw new Error(
        `The stream "${this.#stream}" is being read already: one loop has to end before the next one begins.`,
      );
    }
    position.busy = true;
    let given = position.rows;
    const path = `/input/${this.#stream}/stream`;
    let retries = this.#client.retries('GET', path);
    try {
      for (;;) {
        try {
          let passed = given;
          if (position.uncertain) {
            await this.#setBack();
            passed = 0;
          }
          const { restarts } = position;
          position.uncertain = true;
          const response = await this.#client.open(path, this.#query(true), this.#signal);
          for await (const block of lineBlocks(response)) {
            if (position.restarts !== restarts) break;
            const lines = passed < given ? block.slice(given - passed) : block;
            passed += block.length;
            if (lines.length === 0) continue;
            given += lines.length;
            retries = this.#client.retries('GET', path);
            yield lines;
          }
          if (position.restarts !== restarts) continue;
          position.uncertain = false;
          return;
        } catch (error) {
          this.#signal.throwIfAborted();
          if (error instanceof ApiError || error instanceof UnreachableError) throw error;
          await retries.wait(error);
        }
      }
    } finally {
      position.busy = false;
    }
  }

  /** Sets the cursor to the first row. */
  async #setBack() {
    const { classification } = this.#options;
    // Noted before: rows that arrive from now on may come from the beginning.
    this.#positions.restarted(this.#stream, classification);
    await this.#client.call('GET', `/input/${this.#stream}/restart`, { query: this.#query(false) });
    this.#position.uncertain = false;
  }

  /** @param {boolean} withHidden */
  #query(withHidden) {
    const { classification, showHidden } = this.#options;
    return { 'classification-id': classification, ...(withHidden && { 'show-hidden': showHidden }) };
  }
}

/**
 * Splits what arrives into lines. The source is read on only when the lines have been taken, and closed when they are left.
 *
 * @param {AsyncIterable<Buffer>} chunks
 * @returns {AsyncGenerator<string[]>}
 */
async function* lineBlocks(chunks) {
  /** @type {Buffer[]} */
  let rest = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end === -1) {
      rest.push(chunk);
      continue;
    }
    const text = Buffer.concat([...rest, chunk.subarray(0, end)]).toString('utf8');
    rest = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    yield text.split('\n');
  }
}
