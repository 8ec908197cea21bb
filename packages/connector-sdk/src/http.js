// @ts-check
/** @import { ClientRequest, IncomingMessage } from 'node:http' */
import { randomUUID } from 'node:crypto';
import { Agent, request as httpRequest } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiError, UnreachableError } from './errors.js';

/** Pauses between attempts, in milliseconds; the last one is repeated. A Container API that died is back within 5 s. */
const PAUSES = [20, 50, 100, 200, 500, 1000];

/**
 * @typedef {object} CallOptions
 * @property {string | Uint8Array} [body]
 * @property {string} [type] content type of the body; JSON when left out
 * @property {Readonly<Record<string, string>>} [headers]
 * @property {Readonly<Record<string, string | number | boolean | undefined>>} [query]
 * @property {boolean} [once] with an `Idempotency-Key`, so that a repeated call has its effect once
 * @property {number} [timeoutMs]
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {any} data `data` of the envelope
 * @property {boolean} repeated an earlier attempt may have had its effect, since its answer was lost
 */

/** Calls of the Container API over kept-alive connections, repeated when a connection fails. */
export class HttpClient {
  #agent = new Agent({ keepAlive: true });
  #retryMs;
  /** How long an answer may take, in milliseconds. */
  timeoutMs;
  #answered = false;

  /**
   * @param {string} url base URL
   * @param {number} retryMs how long calls are repeated
   * @param {number} timeoutMs how long an answer may take
   */
  constructor(url, retryMs, timeoutMs) {
    this.url = url.replace(/\/+$/, '');
    if (!/^http:\/\//.test(this.url))
      throw new TypeError(`The Container API speaks HTTP: "${url}" is no http:// address.`);
    this.#retryMs = retryMs;
    this.timeoutMs = timeoutMs;
  }

  /**
   * Calls an operation whose answer is small.
   *
   * @param {string} method
   * @param {string} path percent-encoded
   * @param {CallOptions} [options]
   * @returns {Promise<Answer>}
   * @throws {ApiError} for a status outside 200 to 299
   * @throws {UnreachableError}
   */
  async call(method, path, options = {}) {
    const target = path + queryText(options.query);
    const headers = { ...options.headers, ...bodyHeaders(options) };
    if (options.once) headers['Idempotency-Key'] = randomUUID();
    const retries = this.retries(method, target);
    for (;;) {
      try {
        const response = await this.send(method, target, headers, options.body, options.timeoutMs);
        const text = await textOf(response);
        this.#answered = true;
        const status = response.statusCode ?? 0;
        if (status >= 200 && status < 300) {
          return {
            status,
            data: text === '' ? undefined : JSON.parse(text).data,
            repeated: retries.count > 0,
          };
        }
        // The request stood still for too long on its way: the Container API has closed the connection.
        if (status === 408) throw new Error('408 Request timed out.');
        throw apiError(method, target, status, text, retries.count > 0);
      } catch (error) {
        if (error instanceof ApiError) throw error;
        await retries.wait(error);
      }
    }
  }

  /**
   * Reads an answer of any length as it comes; one attempt.
   *
   * @param {string} path
   * @param {CallOptions['query']} query
   * @param {AbortSignal} signal breaks it off
   * @returns {Promise<IncomingMessage>}
   * @throws {ApiError} for another status than 200
   * @throws for a failed connection
   */
  async open(path, query, signal) {
    const target = path + queryText(query);
    const response = await this.send('GET', target, {}, undefined, this.timeoutMs, signal);
    if (response.statusCode === 200) {
      this.#answered = true;
      return response;
    }
    throw apiError('GET', target, response.statusCode ?? 0, await textOf(response), false);
  }

  /**
   * Sends a body as it comes into being; one attempt, since the body is gone afterwards.
   *
   * @param {string} path
   * @param {CallOptions['query']} query
   * @param {string} type
   * @param {(request: ClientRequest, isOver: () => boolean) => Promise<void>} write
   * @throws {UnreachableError}
   * @throws what `write` throws; the call is broken off then
   */
  async upload(path, query, type, write) {
    const target = path + queryText(query);
    /** @type {{ error: unknown } | null} */
    let failed = null;
    try {
      const response = await this.send('POST', target, { 'Content-Type': type }, async (request) => {
        let answered = false;
        request.once('response', () => {
          answered = true;
        });
        try {
          await write(request, () => answered || request.destroyed);
          request.end();
        } catch (error) {
          failed = { error };
          throw error;
        }
      });
      return { status: response.statusCode ?? 0, target, text: await textOf(response) };
    } catch (error) {
      if (failed) throw /** @type {{ error: unknown }} */ (failed).error;
      const hint = ' Rows that are streamed can not be sent again.';
      throw new UnreachableError('POST', target, this.url, error, 1, hint);
    }
  }

  /**
   * Counts and paces the attempts of one call.
   *
   * @param {string} method
   * @param {string} target
   */
  retries(method, target) {
    // Counted from the first failure: a call may take long before its connection breaks.
    let deadline = Number.POSITIVE_INFINITY;
    const retries = {
      count: 0,
      /**
       * Waits before the next attempt.
       *
       * @param {unknown} error
       * @throws {UnreachableError} when there has been enough of them
       */
      wait: async (error) => {
        const code = /** @type {NodeJS.ErrnoException} */ (error)?.code;
        // A name that never resolved is a program outside of a run, not a restart.
        const nowhere = !this.#answered && code === 'ENOTFOUND';
        if (retries.count === 0) deadline = performance.now() + this.#retryMs;
        retries.count += 1;
        if (nowhere || performance.now() >= deadline) {
          const hint = nowhere ? ' Outside of a run, set CONTAINER_API_URL.' : '';
          throw new UnreachableError(method, target, this.url, error, retries.count, hint);
        }
        await pause(PAUSES[Math.min(retries.count, PAUSES.length) - 1]);
      },
    };
    return retries;
  }

  /**
   * One attempt.
   *
   * @param {string} method
   * @param {string} target
   * @param {Record<string, string | number>} headers
   * @param {string | Uint8Array | ((request: ClientRequest) => Promise<void>) | undefined} body a
   *   function writes it as it likes
   * @param {number} [timeoutMs] without an answer; 0: any time
   * @param {AbortSignal} [signal] breaks it off
   * @returns {Promise<IncomingMessage>} its head; the body is still to be read
   */
  send(method, target, headers, body, timeoutMs = this.timeoutMs, signal = undefined) {
    return new Promise((resolve, reject) => {
      const request = httpRequest(this.url + target, { method, headers, agent: this.#agent, signal });
      /** @type {NodeJS.Timeout | undefined} */
      let timer;
      if (timeoutMs > 0 && typeof body !== 'function') {
        timer = setTimeout(() => request.destroy(new Error(`no answer for ${timeoutMs} ms`)), timeoutMs);
      }
      request.once('response', (response) => {
        clearTimeout(timer);
        resolve(response);
      });
      // Stays: an error after the answer's head is told by the answer, too.
      request.on('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
      if (typeof body === 'function') {
        body(request).catch((error) => {
          request.destroy();
          reject(error);
        });
      } else request.end(body);
    });
  }

  /** Lets go of all connections. */
  close() {
    this.#agent.destroy();
  }
}

/**
 * @param {IncomingMessage} response
 * @returns {Promise<string>}
 */
async function textOf(response) {
  const parts = [];
  for await (const part of response) parts.push(part);
  return Buffer.concat(parts).toString('utf8');
}

/**
 * @param {string} method
 * @param {string} target
 * @param {number} status
 * @param {string} text
 * @param {boolean} repeated
 */
export function apiError(method, target, status, text, repeated) {
  let answer = { message: text.slice(0, 200), errors: {} };
  try {
    const { message = '', errors = {} } = JSON.parse(text);
    answer = { message, errors };
  } catch {
    // No answer of a Container API: its text has to do.
  }
  return new ApiError(method, target.split('?')[0] ?? target, status, answer, repeated);
}

/** @param {CallOptions} options */
function bodyHeaders({ body, type }) {
  /** @type {Record<string, string | number>} */
  const headers = {};
  if (body === undefined) return headers;
  headers['Content-Type'] = type ?? 'application/json';
  headers['Content-Length'] = Buffer.byteLength(body);
  return headers;
}

/** @param {CallOptions['query']} query */
function queryText(query) {
  const parts = Object.entries(query ?? {}).filter(([, value]) => value !== undefined);
  const text = parts.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`);
  return text.length > 0 ? `?${text.join('&')}` : '';
}
