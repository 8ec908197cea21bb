/** A number of places that work takes in turn. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(places: number) {
    this.#free = places;
  }

  /**
   * Does the work when a place is free; those who came first go first. Whoever is told to give up while waiting goes in
   * without a place, to see that there is nothing left to do.
   */
  async run<T>(work: () => Promise<T>, giveUp: AbortSignal): Promise<T> {
    const placed = await this.#enter(giveUp);
    try {
      return await work();
    } finally {
      if (placed) this.#leave();
    }
  }

  #enter(giveUp: AbortSignal): Promise<boolean> {
    if (giveUp.aborted) return Promise.resolve(false);
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve(true);
    }
    return new Promise((resolve) => {
      const enter = (): void => {
        giveUp.removeEventListener('abort', leave);
        resolve(true);
      };
      const leave = (): void => {
        this.#waiting.splice(this.#waiting.indexOf(enter), 1);
        resolve(false);
      };
      this.#waiting.push(enter);
      giveUp.addEventListener('abort', leave, { once: true });
    });
  }

  #leave(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#free++;
  }
}
