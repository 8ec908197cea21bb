import { setTimeout as sleep } from 'node:timers/promises';
import type { Sidecar, SidecarListen, StartSidecar } from './sidecar.ts';

/** How often a sidecar that died is started again (container-api.md 2.8). */
const MAX_RESTARTS = 3;
/** The address of a process that was just killed may be taken for a moment. */
const ADDRESS_TRIES = 20;
const ADDRESS_WAIT_MS = 200;

/**
 * Keeps the sidecar of a run alive: when it stops by itself it is started again at the same address, up to three times.
 * What it knew is in its journal, so connections break off and nothing else is lost.
 */
export class SidecarKeeper {
  readonly #start: StartSidecar;
  readonly #listen: SidecarListen;
  readonly #givenUp = Promise.withResolvers<void>();
  #current: Sidecar;
  #restarts = 0;
  #restarting: Promise<void> = Promise.resolve();
  #closed = false;

  private constructor(start: StartSidecar, listen: SidecarListen, first: Sidecar) {
    this.#start = start;
    this.#listen = { ...listen, port: first.port };
    this.#current = first;
    this.#watch(first);
  }

  /** Starts the sidecar; rejects when that fails the first time. */
  static async start(start: StartSidecar, listen: SidecarListen): Promise<SidecarKeeper> {
    return new SidecarKeeper(start, listen, await start(listen));
  }

  get current(): Sidecar {
    return this.#current;
  }

  /** The sidecar that answers: while one is being started again, the next. */
  async ready(): Promise<Sidecar> {
    await this.#restarting;
    return this.#current;
  }

  /** Fulfilled when the sidecar can not be kept up any more. */
  get givenUp(): Promise<void> {
    return this.#givenUp.promise;
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#current.close();
  }

  #watch(sidecar: Sidecar): void {
    sidecar.died?.then(() => {
      this.#restarting = this.#restart();
    });
  }

  async #restart(): Promise<void> {
    if (this.#closed) return;
    this.#restarts += 1;
    if (this.#restarts > MAX_RESTARTS) return this.#givenUp.resolve();
    const next = await this.#startAgain().catch(() => null);
    if (next === null) return this.#givenUp.resolve();
    this.#current = next;
    // The run may have ended while the new one was starting.
    if (this.#closed) await next.close();
    else this.#watch(next);
  }

  async #startAgain(): Promise<Sidecar> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#start(this.#listen);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || attempt === ADDRESS_TRIES) throw error;
        await sleep(ADDRESS_WAIT_MS);
      }
    }
  }
}
