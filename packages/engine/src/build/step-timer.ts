import type { BuildRequest, BuildStepName } from '../engine.ts';

/** Tells about the steps of a build as they begin and end. Beginning a step ends the one before it well. */
export class StepTimer {
  readonly #onStep: BuildRequest['onStep'];
  #running: { name: BuildStepName; startedAt: Date; begin: number } | null = null;
  #current: BuildStepName = 'prepare';

  constructor(onStep: BuildRequest['onStep']) {
    this.#onStep = onStep;
  }

  /** The step that runs, or ran last. */
  get current(): BuildStepName {
    return this.#current;
  }

  async begin(name: BuildStepName): Promise<void> {
    await this.#end('done');
    const startedAt = new Date();
    this.#current = name;
    this.#running = { name, startedAt, begin: performance.now() };
    await this.#onStep({ name, status: 'running', startedAt, finishedAt: null, durationMs: null });
  }

  /** Passes over a step. */
  async skip(name: BuildStepName): Promise<void> {
    await this.#end('done');
    const now = new Date();
    this.#current = name;
    await this.#onStep({ name, status: 'skipped', startedAt: now, finishedAt: now, durationMs: 0 });
  }

  /** Ends the last step well; the others are ended by the next one. */
  async done(): Promise<void> {
    await this.#end('done');
  }

  async fail(): Promise<void> {
    await this.#end('failed');
  }

  async #end(status: 'done' | 'failed'): Promise<void> {
    if (!this.#running) return;
    const { name, startedAt, begin } = this.#running;
    this.#running = null;
    const durationMs = Math.round(performance.now() - begin);
    await this.#onStep({ name, status, startedAt, finishedAt: new Date(), durationMs });
  }
}
