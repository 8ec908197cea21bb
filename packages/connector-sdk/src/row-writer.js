// @ts-check
/** @import { OutputName, RowWriter as RowWriterApi, WriteOptions } from '../types.d.ts' */
/** @import { Batch } from './batches.js' */
/** @import { HttpClient } from './http.js' */
/** @import { ClientRequest } from 'node:http' */
import { Batches } from './batches.js';
import { ApiError, RowsRefusedError } from './errors.js';
import { apiError } from './http.js';
import { toJson } from './json.js';

const NDJSON = 'application/x-ndjson';
const BATCH_ROWS = 1000;
const BATCH_BYTES = 512 * 1024;
/** Text that is handed to the connection at once when rows are streamed. */
const STREAM_BLOCK = 64 * 1024;
/**
 * A stream that has no row sends empty lines, so many in the time that an answer may take: the Container API gives up a
 * request that is silent for so long.
 */
const STREAM_PULSES = 4;

/** @implements {RowWriterApi} */
export class RowWriter {
  #client;
  #path;
  #query;
  #signal;
  #batches;
  #streamed = 0;

  /**
   * @param {HttpClient} client
   * @param {OutputName} stream
   * @param {WriteOptions} options
   * @param {AbortSignal} signal
   */
  constructor(client, stream, options, signal) {
    this.#client = client;
    this.#path = `/output/${stream}`;
    this.#query = { separator: options.separator };
    this.#signal = signal;
    const { batchRows = BATCH_ROWS, batchBytes = BATCH_BYTES } = options;
    this.#batches = new Batches((batch) => this.#send(batch), { maxItems: batchRows, maxBytes: batchBytes });
  }

  get count() {
    return this.#batches.count + this.#streamed;
  }

  /** @param {object | readonly object[]} rows */
  write(rows) {
    if (Array.isArray(rows)) return this.#writeAll(rows);
    if (this.#signal.aborted) return Promise.reject(this.#signal.reason);
    try {
      return this.#batches.add(toJson(rows));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async flush() {
    await this.#batches.flush();
  }

  /** @param {Iterable<object> | AsyncIterable<object>} rows */
  async stream(rows) {
    await this.flush();
    const first = this.count + 1;
    const lines = toLines(rows, this.#signal);
    // An empty call is refused, so the first row is waited for.
    const begin = await lines.next();
    if (begin.done) return;
    const { status, target, text } = await this.#client.upload(
      this.#path,
      this.#query,
      NDJSON,
      async (request, isOver) => {
        const pulse = setInterval(() => request.write('\n'), this.#client.timeoutMs / STREAM_PULSES);
        try {
          await writeBlocks(request, isOver, begin.value, lines, () => this.#streamed++);
        } finally {
          clearInterval(pulse);
        }
      },
    );
    if (status !== 201) throw refusal(apiError('POST', target, status, text, false), first);
  }

  async close() {
    await this.flush();
    await this.#client.call('POST', `${this.#path}/close`);
  }

  /** @param {readonly object[]} rows */
  async #writeAll(rows) {
    for (const row of rows) await this.write(row);
  }

  /** @param {Batch} batch */
  async #send({ items, first }) {
    const body = `${items.join('\n')}\n`;
    try {
      await this.#client.call('POST', this.#path, { body, type: NDJSON, query: this.#query, once: true });
    } catch (error) {
      throw error instanceof ApiError ? refusal(error, this.#streamed + first + 1) : error;
    }
  }
}

/**
 * @param {Iterable<object> | AsyncIterable<object>} rows
 * @param {AbortSignal} signal
 */
async function* toLines(rows, signal) {
  for await (const row of rows) {
    if (signal.aborted) throw signal.reason;
    yield `${toJson(row)}\n`;
  }
}

/**
 * Writes lines in blocks, at the pace of the connection.
 *
 * @param {ClientRequest} request
 * @param {() => boolean} isOver answered or broken off before the end: the answer says why
 * @param {string} first
 * @param {AsyncGenerator<string>} lines
 * @param {() => void} onLine
 */
async function writeBlocks(request, isOver, first, lines, onLine) {
  let block = first;
  onLine();
  const hand = async () => {
    const room = request.write(block);
    block = '';
    if (!room && !isOver()) await roomIn(request);
  };
  for await (const line of lines) {
    block += line;
    onLine();
    if (block.length >= STREAM_BLOCK) await hand();
    if (isOver()) return;
  }
  await hand();
}

/**
 * Waits until a request takes more, or is gone: what broke it is told by itself.
 *
 * @param {ClientRequest} request
 * @returns {Promise<void>}
 */
const roomIn = (request) =>
  new Promise((resolve) => {
    const settled = () => {
      request.off('drain', settled);
      request.off('close', settled);
      resolve();
    };
    request.on('drain', settled);
    request.on('close', settled);
  });

/**
 * @param {ApiError} error
 * @param {number} first number of the first row, from 1
 */
const refusal = (error, first) =>
  Object.keys(error.errors).some((field) => field.startsWith('data['))
    ? new RowsRefusedError(error, first)
    : error;
