import { environmentOf, freshProcessTable, type ProcessInfo, processTable } from './process-table.ts';

/** Marker in the environment of every process of a run; see {@link ProcessTree.killAll}. */
const RUN_MARKER = 'SLIPWAY_RUN_ID';

/**
 * The processes of one run: everything that descends from its main process or shares its process group, and what was
 * once seen to do so. A process that detaches itself (`setsid`) loses its parent when that ends; having been seen
 * before, or carrying the run's id in its environment, still gives it away.
 */
export class ProcessTree {
  readonly #mainPid: number;
  readonly #runId: string;
  readonly #ownLevels: number;
  readonly #seen = new Map<number, string>();

  /**
   * @param ownLevels how many processes of our own stand between the main process and the connector, the main process
   * included: they count neither for memory nor for numbers
   */
  constructor(mainPid: number, runId: string, ownLevels = 0) {
    this.#mainPid = mainPid;
    this.#runId = runId;
    this.#ownLevels = ownLevels;
  }

  /** Living processes of the run, without our own. */
  async members(): Promise<ProcessInfo[]> {
    const members = this.#collect(await processTable());
    const own = this.#own(members);
    return members.filter((info) => !own.has(info.pid));
  }

  /** Our processes: the main one, its first child, and so on. Orphans of a sandbox are younger than those. */
  #own(members: readonly ProcessInfo[]): Set<number> {
    const own = new Set<number>();
    let level = members.filter((info) => info.pid === this.#mainPid);
    while (own.size < this.#ownLevels && level.length > 0) {
      const oldest = level.reduce((a, b) => (Number(b.startTime) < Number(a.startTime) ? b : a));
      own.add(oldest.pid);
      level = members.filter((info) => info.parent === oldest.pid);
    }
    return own;
  }

  /**
   * Kills everything that is left, until nothing is. A process could start another one between look and kill, hence
   * the repeats.
   */
  async killAll(): Promise<void> {
    for (let round = 0; round < 10; round += 1) {
      const table = await freshProcessTable();
      const left = this.#collect(table);
      for (const info of marked(table, this.#runId)) left.push(info);
      if (left.length === 0) return;
      for (const info of left) {
        try {
          process.kill(info.pid, 'SIGKILL');
        } catch {
          // Gone in between.
        }
      }
    }
  }

  #collect(table: ReadonlyMap<number, ProcessInfo>): ProcessInfo[] {
    const inside = new Set<number>();
    for (const info of table.values()) {
      const known = this.#seen.get(info.pid) === info.startTime;
      if (known || info.pid === this.#mainPid || info.group === this.#mainPid) inside.add(info.pid);
    }
    // Children may have smaller ids than their parents, so this goes on until nothing is added.
    for (let added = true; added; ) {
      added = false;
      for (const info of table.values()) {
        if (inside.has(info.pid) || !inside.has(info.parent)) continue;
        inside.add(info.pid);
        added = true;
      }
    }
    const members: ProcessInfo[] = [];
    this.#seen.clear();
    for (const pid of inside) {
      const info = table.get(pid);
      if (!info || info.zombie) continue;
      this.#seen.set(pid, info.startTime);
      members.push(info);
    }
    return members;
  }
}

/** Living processes that carry a run's id in their environment, except this one. */
export function marked(table: ReadonlyMap<number, ProcessInfo>, runId: string): ProcessInfo[] {
  return [...table.values()].filter(
    (info) => !info.zombie && info.pid !== process.pid && environmentOf(info.pid, RUN_MARKER) === runId,
  );
}
