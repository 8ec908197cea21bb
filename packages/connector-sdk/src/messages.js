// @ts-check
/** @import { Log, LogLevel, NotificationLevel, Notifications } from '../types.d.ts' */
/** @import { HttpClient } from './http.js' */
import { contextToJson } from './json.js';

/** @type {readonly LogLevel[]} */
const LOG_LEVELS = [
  'debug',
  'info',
  'notice',
  'warning',
  'error',
  'critical',
  'alert',
  'emergency',
  'success',
  'report',
];
/** @type {readonly NotificationLevel[]} */
const NOTIFICATION_LEVELS = ['success', 'info', 'warning', 'error'];

/** Sends messages in the background, in order. */
export class Messages {
  #client;
  #tail = Promise.resolve();

  /** @param {HttpClient} client */
  constructor(client) {
    this.#client = client;
  }

  /** @returns {Log} */
  log() {
    return byLevel(LOG_LEVELS, (level) => (message, context = {}) => {
      const body = `{"message":${JSON.stringify(String(message))},"context":${contextToJson(context)}}`;
      return this.#send(`/logs/${level}`, body, message);
    });
  }

  /** @returns {Notifications} */
  notifications() {
    return byLevel(NOTIFICATION_LEVELS, (level) => (message) => {
      const body = JSON.stringify({ message: String(message) });
      return this.#send(`/notifications/${level}`, body, message);
    });
  }

  /** Waits until all messages are stored or have failed. */
  async flush() {
    await this.#tail.catch(() => {});
  }

  /**
   * @param {string} path
   * @param {string} body
   * @param {string} message
   * @returns {Promise<void>}
   */
  #send(path, body, message) {
    const sent = this.#tail.then(async () => {
      await this.#client.call('POST', path, { body, once: true });
    });
    this.#tail = sent.catch((error) => {
      // A message that can not be stored must neither get lost in silence nor end the connector.
      process.stderr.write(`A message was not stored: ${message}\n${error.message}\n`);
    });
    return sent;
  }
}

/**
 * @template {string} Level
 * @template Method
 * @param {readonly Level[]} levels
 * @param {(level: Level) => Method} method
 */
function byLevel(levels, method) {
  return /** @type {{ readonly [Name in Level]: Method }} */ (
    Object.fromEntries(levels.map((level) => [level, method(level)]))
  );
}
