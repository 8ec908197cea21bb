/** Failures that may still be made good by a later process with the same store and remote path. */
const MAX_FAILED = 10_000;

interface Failure {
  readonly id: string;
  readonly cause: string;
}

/** Which failed processes count: for each store and remote path the last process does (container-api.md 7.4). */
export class FailedProcesses {
  readonly #failed = new Map<string, { readonly number: number; readonly failure: Failure }>();
  /** With so many failures one more counts for good: the run has failed. */
  #beyond: Failure | null = null;

  /** A later process of the same store and path takes the place of one that failed. */
  begun(key: string): void {
    this.#failed.delete(key);
  }

  /** @param number later processes have greater ones */
  failed(key: string, number: number, failure: Failure): void {
    const known = this.#failed.get(key);
    if (known && known.number > number) return;
    if (!known && this.#failed.size >= MAX_FAILED) this.#beyond ??= failure;
    else this.#failed.set(key, { number, failure });
  }

  /** The first one, by the time of its start. */
  get first(): Failure | null {
    let first: { readonly number: number; readonly failure: Failure } | null = null;
    for (const one of this.#failed.values()) if (first === null || one.number < first.number) first = one;
    return first?.failure ?? this.#beyond;
  }
}
