// @ts-check
/** @import { Bucket as BucketApi, Exchange as ExchangeApi, Storage as StorageApi, StorageProcess, StorageStatus } from '../types.d.ts' */
/** @import { HttpClient } from './http.js' */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { ApiError, StorageError } from './errors.js';

/** Milliseconds between two looks at a storage process. */
const POLL_MS = 250;

/** @implements {ExchangeApi} */
export class Exchange {
  /** @param {string} directory */
  constructor(directory) {
    this.directory = resolve(directory);
  }

  /** @param {string} name */
  path(name) {
    // Slashes at the start do no harm, as in the calls of the Container API.
    const path = resolve(this.directory, `./${name}`);
    const inside = relative(this.directory, path);
    if (inside.startsWith('..') || isAbsolute(inside)) {
      throw new RangeError(`"${name}" lies outside of the exchange folder.`);
    }
    return path;
  }

  /**
   * The name of a file in the folder, of its name or its absolute path.
   *
   * @param {string} source
   */
  nameOf(source) {
    return source.startsWith(`${this.directory}/`) ? source.slice(this.directory.length + 1) : source;
  }

  /**
   * @param {string} name
   * @param {Parameters<ExchangeApi['write']>[1]} content
   */
  async write(name, content) {
    const path = this.path(name);
    await mkdir(dirname(path), { recursive: true });
    const unfinished = `${path}.${randomUUID()}.part`;
    try {
      await writeFile(unfinished, /** @type {any} */ (content));
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
    return path;
  }
}

/** @implements {BucketApi} */
export class Bucket {
  #client;
  #exchange;

  /**
   * @param {HttpClient} client
   * @param {Exchange} exchange
   */
  constructor(client, exchange) {
    this.#client = client;
    this.#exchange = exchange;
  }

  /**
   * @param {string} source
   * @param {string} [remote]
   */
  async upload(source, remote) {
    const name = this.#exchange.nameOf(source);
    const body = JSON.stringify({ source_file: name });
    await this.#client.call('PUT', `/buckets/exchange/upload/${encodePath(remote ?? name)}`, { body });
  }

  /** @param {string} remote */
  async download(remote) {
    // Answered when the file is there, which takes as long as it takes.
    await this.#client.call('GET', `/buckets/exchange/download/${encodePath(remote)}`, { timeoutMs: 0 });
    return this.#exchange.path(remote);
  }

  /** @param {string} remote */
  async downloadIfExists(remote) {
    try {
      return await this.download(remote);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  /** @param {string} remote */
  async delete(remote) {
    try {
      await this.#client.call('DELETE', `/buckets/delete/${encodePath(remote)}`);
    } catch (error) {
      if (!(isMissing(error) && error.repeated)) throw error;
    }
  }
}

/** @implements {StorageApi} */
export class Storage {
  #client;
  #exchange;

  /**
   * @param {HttpClient} client
   * @param {Exchange} exchange
   */
  constructor(client, exchange) {
    this.#client = client;
    this.#exchange = exchange;
  }

  /**
   * @param {string} source
   * @param {string} [remote]
   */
  toTransport(source, remote) {
    return this.#store('/store/to-transport', source, remote);
  }

  /**
   * @param {string} source
   * @param {string} [remote]
   */
  toInternal(source, remote) {
    return this.#store('/storage/internal', source, remote);
  }

  async pending() {
    const { data } = await this.#client.call('GET', '/processes/pending');
    return data.map(toStatus);
  }

  /** @param {string} id */
  async status(id) {
    const { data } = await this.#client.call('GET', `/processes/${encodeURIComponent(id)}`);
    return toStatus(data);
  }

  async logProcesses() {
    await this.#client.call('POST', '/processes/log');
  }

  /**
   * @param {string} path
   * @param {string} source
   * @param {string | undefined} remote
   * @returns {Promise<StorageProcess>}
   */
  async #store(path, source, remote) {
    const name = this.#exchange.nameOf(source);
    const body = JSON.stringify({ source_file: name, remote_file: remote ?? name });
    /** @type {{ data: { id: string } }} */
    const { data } = await this.#client.call('POST', path, { body, once: true });
    const status = () => this.status(data.id);
    const finished = async () => {
      for (;;) {
        const { status: word, exitCode } = await status();
        if (word === 'finished') return;
        if (word === 'failed') throw new StorageError(data.id, name, exitCode);
        await pause(POLL_MS);
      }
    };
    return { id: data.id, status, finished };
  }
}

/**
 * @param {Record<string, any>} data
 * @returns {StorageStatus}
 */
const toStatus = (data) => ({
  id: data.id,
  status: data.status,
  exitCode: data['exit-code'],
  secondsRemaining: data['seconds-remaining'],
});

/** @param {string} path */
const encodePath = (path) => path.split('/').map(encodeURIComponent).join('/');

/**
 * @param {unknown} error
 * @returns {error is ApiError}
 */
const isMissing = (error) => error instanceof ApiError && error.errors.remoteFile === 'File not found.';
