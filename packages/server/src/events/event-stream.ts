/** The text of one server-sent event (1.12). `data` is JSON text, which has no line breaks. */
export const eventText = (event: 'log' | 'state' | 'end', data: string, id?: number): string =>
  `${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${data}\n\n`;

/** A comment: readers pass over it, and whoever stands between them and us sees that the connection lives. */
export const commentText = ': \n\n';

const commentMs = 15_000;

/** At least this often a follower looks by itself, should news have been lost. */
const lookMs = 5_000;

/** Tells when the next comment is due, and how long a follower may sleep until then. */
export class Heartbeat {
  readonly #everyMs: number;
  #last = performance.now();

  constructor(everyMs = commentMs) {
    this.#everyMs = everyMs;
  }

  /** True when a comment is due; it counts as sent. */
  take(): boolean {
    if (performance.now() - this.#last < this.#everyMs) return false;
    this.#last = performance.now();
    return true;
  }

  get sleepMs(): number {
    return Math.max(1, Math.min(lookMs, this.#everyMs - (performance.now() - this.#last)));
  }
}
