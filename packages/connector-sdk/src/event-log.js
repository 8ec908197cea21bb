// @ts-check
/** @import { EventLog as EventLogApi, ItemEvent } from '../types.d.ts' */
/** @import { HttpClient } from './http.js' */
import { Batches } from './batches.js';
import { contextToJson } from './json.js';

/** Events of one call. */
const LIMITS = { maxItems: 500, maxBytes: 1024 * 1024 };

/** @implements {EventLogApi} */
export class EventLog {
  #batches;

  /** @param {HttpClient} client */
  constructor(client) {
    this.#batches = new Batches(async ({ items }) => {
      await client.call('POST', '/event-log', { body: `{"events":[${items.join(',')}]}`, once: true });
    }, LIMITS);
  }

  get count() {
    return this.#batches.count;
  }

  /** @param {ItemEvent | readonly ItemEvent[]} events */
  async write(events) {
    for (const { code, message, itemId, context } of [events].flat()) {
      await this.#batches.add(contextToJson({ code, message, 'item-id': itemId, context }));
    }
  }

  async flush() {
    await this.#batches.flush();
  }
}
