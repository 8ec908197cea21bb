// @ts-check
/** @import { State as StateApi, StateOptions } from '../types.d.ts' */
/** @import { HttpClient } from './http.js' */
import { ApiError, StateConflictError } from './errors.js';
import { toJson } from './json.js';

/** @implements {StateApi} */
export class State {
  #client;

  /** @param {HttpClient} client */
  constructor(client) {
    this.#client = client;
  }

  /** @param {string} key */
  async get(key) {
    return (await this.entry(key))?.value;
  }

  /** @param {string} key */
  async entry(key) {
    try {
      const { data } = await this.#client.call('GET', pathOf(key));
      return { value: data.value, version: data.version, updatedAt: new Date(data['updated-at']) };
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined;
      throw error;
    }
  }

  /**
   * @param {string} key
   * @param {unknown} value
   * @param {StateOptions & { ifNew?: boolean }} [options]
   */
  async set(key, value, options = {}) {
    const json = toJson(value);
    /** @type {Record<string, string>} */
    const headers = condition(options);
    if (options.ifNew) headers['If-None-Match'] = '*';
    const query = { commit: options.commit };
    try {
      const { data } = await this.#client.call('PUT', pathOf(key), {
        body: `{"value":${json}}`,
        headers,
        query,
      });
      return data.version;
    } catch (error) {
      if (!isConflict(error)) throw error;
      // The first attempt may have met the condition, and only its answer was lost.
      const now = error.repeated ? await this.entry(key) : undefined;
      const expected = options.ifVersion === undefined ? now?.version : options.ifVersion + 1;
      if (now && now.version === expected && toJson(now.value) === json) return now.version;
      throw new StateConflictError(error, key);
    }
  }

  /**
   * @param {string} key
   * @param {StateOptions} [options]
   */
  async delete(key, options = {}) {
    try {
      await this.#client.call('DELETE', pathOf(key), {
        headers: condition(options),
        query: { commit: options.commit },
      });
      return true;
    } catch (error) {
      // A repeated call may find that its first attempt has deleted the key.
      if (error instanceof ApiError && error.status === 404) return error.repeated;
      if (!isConflict(error)) throw error;
      if (error.repeated && (await this.entry(key)) === undefined) return true;
      throw new StateConflictError(error, key);
    }
  }
}

/** @param {string} key */
const pathOf = (key) => `/state/${encodeURIComponent(key)}`;

/**
 * @param {StateOptions} options
 * @returns {Record<string, string>}
 */
const condition = ({ ifVersion }) => (ifVersion === undefined ? {} : { 'If-Match': `"${ifVersion}"` });

/**
 * @param {unknown} error
 * @returns {error is ApiError}
 */
const isConflict = (error) => error instanceof ApiError && error.status === 412;
