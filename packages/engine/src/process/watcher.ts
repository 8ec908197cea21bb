import type { RunLimits } from '../engine.ts';
import { folderBytes } from '../run/exchange-folder.ts';
import type { StopCause } from '../run/failure.ts';
import { proportionalBytes } from './process-table.ts';
import type { ProcessTree } from './process-tree.ts';

const MEMORY_INTERVAL_MS = 150;
const DISK_INTERVAL_MS = 1_000;
/** A walk over a large folder may take this share of the time at most. */
const DISK_DUTY = 0.1;

/** What a watcher has measured. */
export interface Usage {
  readonly memoryPeakBytes: number;
  readonly cpuMs: number;
  /** False when the run ended before the first look. */
  readonly measured: boolean;
}

/**
 * Watches the limits that no kernel setting enforces for us: memory and number of processes of the tree, and the size
 * of the folders the connector may write to. The first limit that is passed is reported once.
 */
export class LimitWatcher {
  readonly #tree: ProcessTree;
  readonly #limits: RunLimits;
  readonly #onLimit: (cause: StopCause) => void;
  readonly #folders: readonly string[];
  #timers = new Set<NodeJS.Timeout>();
  #stopped = false;
  #peak = 0;
  #cpu = 0;
  #measured = false;

  /** @param folders folders whose files each count against the limit of the exchange folder */
  constructor(
    tree: ProcessTree,
    limits: RunLimits,
    folders: readonly string[],
    onLimit: (cause: StopCause) => void,
  ) {
    this.#tree = tree;
    this.#limits = limits;
    this.#folders = folders;
    this.#onLimit = onLimit;
  }

  start(): void {
    // The first look comes soon, so that short runs are measured too.
    this.#after(20, () => this.#watchProcesses());
    this.#after(DISK_INTERVAL_MS / 2, () => this.#watchDisk());
  }

  /** Stops without waiting for a look that is under way. */
  stop(): Usage {
    this.#stopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    return { memoryPeakBytes: this.#peak, cpuMs: this.#cpu, measured: this.#measured };
  }

  #after(ms: number, task: () => Promise<void>): void {
    if (this.#stopped) return;
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      // A look that fails (the process is just ending) is simply followed by the next one.
      task().catch(() => {});
    }, ms);
    timer.unref();
    this.#timers.add(timer);
  }

  async #watchProcesses(): Promise<void> {
    const members = await this.#tree.members();
    if (this.#stopped) return;
    const limit = this.#limits.memoryMb * 1024 * 1024;
    let bytes = members.reduce((sum, info) => sum + info.residentBytes, 0);
    if (bytes > limit) {
      // Resident pages that processes share are counted in each of them; only the exact figure may end a run.
      bytes = members.reduce((sum, info) => sum + (proportionalBytes(info.pid) ?? info.residentBytes), 0);
    }
    this.#measured ||= members.length > 0;
    this.#peak = Math.max(this.#peak, bytes);
    // Time of processes that ended is added to their parents by the system, so the sum does not shrink much.
    this.#cpu = Math.max(
      this.#cpu,
      members.reduce((sum, info) => sum + info.cpuMs, 0),
    );
    if (bytes > limit) this.#onLimit({ kind: 'memory', limitMb: this.#limits.memoryMb });
    if (members.length > this.#limits.processes) {
      this.#onLimit({ kind: 'processes', limit: this.#limits.processes });
    }
    this.#after(MEMORY_INTERVAL_MS, () => this.#watchProcesses());
  }

  async #watchDisk(): Promise<void> {
    const begin = performance.now();
    for (const folder of this.#folders) {
      if ((await folderBytes(folder, () => this.#stopped)) > this.#limits.exchangeBytes) {
        const limitMb = Math.floor(this.#limits.exchangeBytes / (1024 * 1024));
        this.#onLimit({ kind: 'disk', limitMb });
      }
    }
    const took = performance.now() - begin;
    this.#after(Math.max(DISK_INTERVAL_MS, took / DISK_DUTY), () => this.#watchDisk());
  }
}
