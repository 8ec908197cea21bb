import type { Container } from 'dockerode';
import type { RunRequest } from '../engine.ts';
import { folderBytes } from '../run/exchange-folder.ts';
import type { StopCause } from '../run/failure.ts';

const FIRST_LOOK_MS = 300;
const INTERVAL_MS = 1_000;
/** The daemon walks through all files of a container to tell its size. */
const SIZE_EVERY = 5;

interface Stats {
  readonly cpu_stats?: { readonly cpu_usage?: { readonly total_usage?: number } };
  readonly memory_stats?: { readonly max_usage?: number; readonly usage?: number };
}

/**
 * Watches what the daemon can not limit: the disk space of a connector, in the exchange folder and in its container.
 * Besides it measures memory and processor time.
 */
export class UsageWatcher {
  readonly #container: Container;
  readonly #request: RunRequest;
  readonly #onLimit: (cause: StopCause) => void;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #looks = 0;
  #cpuMs = 0;
  #peakBytes = 0;

  constructor(container: Container, request: RunRequest, onLimit: (cause: StopCause) => void) {
    this.#container = container;
    this.#request = request;
    this.#onLimit = onLimit;
    this.#after(FIRST_LOOK_MS);
  }

  /** Null when the run was over before the first look. */
  get measured(): { cpuMs: number; memoryPeakMb: number } | null {
    if (this.#peakBytes === 0) return null;
    return { cpuMs: Math.round(this.#cpuMs), memoryPeakMb: Math.ceil(this.#peakBytes / 1024 ** 2) };
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #after(ms: number): void {
    if (this.#stopped) return;
    this.#timer = setTimeout(() => {
      // A look that fails, because the container is just ending, is followed by the next one.
      this.#look()
        .catch(() => {})
        .finally(() => this.#after(INTERVAL_MS));
    }, ms);
    this.#timer.unref();
  }

  async #look(): Promise<void> {
    const withSize = this.#looks % SIZE_EVERY === 0;
    this.#looks += 1;
    const limit = this.#request.limits.exchangeBytes;
    const [bytes, size] = await Promise.all([
      folderBytes(this.#request.exchangeFolder, () => this.#stopped),
      withSize ? this.#ownSize() : 0,
      this.#measure(),
    ]);
    if (bytes > limit || size > limit) {
      this.#onLimit({ kind: 'disk', limitMb: Math.floor(limit / 1024 ** 2) });
    }
  }

  async #measure(): Promise<void> {
    const options = { stream: false, 'one-shot': true } as { stream: false };
    const { cpu_stats, memory_stats } = (await this.#container.stats(options)) as Stats;
    this.#cpuMs = Math.max(this.#cpuMs, (cpu_stats?.cpu_usage?.total_usage ?? 0) / 1e6);
    this.#peakBytes = Math.max(this.#peakBytes, memory_stats?.max_usage ?? memory_stats?.usage ?? 0);
  }

  /** Bytes the connector has written into its own container. */
  async #ownSize(): Promise<number> {
    const { SizeRw } = (await this.#container.inspect({ size: true } as object)) as { SizeRw?: number };
    return SizeRw ?? 0;
  }
}
