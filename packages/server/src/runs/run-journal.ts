import {
  type ContainerApi,
  contextOf,
  type LogSource,
  type Masker,
  type NewLogEntry,
  type RunContext,
  RunLog,
  runFolder,
  startContainerApi,
} from '@slipway/container-api';
import type { LogSink, Sidecar, SidecarListen } from '@slipway/engine';
import type { Services } from '../services.ts';
import type { ClaimedRun } from './claimed-run.ts';
import { sidecarConfig } from './sidecar-config.ts';

/** What was counted at a run's Container API. */
export interface ApiCounters {
  rowsRead: Record<string, number>;
  requests: number;
  errors: number;
}

/**
 * What a run writes down while it lives: the lines of the engine and those of its Container API go into one journal and
 * share its numbers. Lines of the engine from before the Container API began wait for it.
 */
export class RunJournal {
  readonly masker: Masker;
  readonly #services: Services;
  readonly #run: ClaimedRun;
  readonly #folder: string;
  /** The present one, and before it those that the engine had to start again. */
  readonly #apis: ContainerApi[] = [];
  #early: NewLogEntry[] = [];

  /** @param folder absolute path of the run's folder */
  constructor(services: Services, run: ClaimedRun, folder: string, masker: Masker) {
    this.#services = services;
    this.#run = run;
    this.#folder = folder;
    this.masker = masker;
  }

  /** Takes the lines of the engine. */
  readonly sink: LogSink = (level, source, message, context) => {
    const entry = { level, source: source as LogSource, message, ...(context ? { context } : {}) };
    const api = this.#apis.at(-1);
    if (api) return api.log.write(entry);
    this.#early.push(entry);
  };

  /** Starts the Container API where the engine wants it. */
  async startSidecar(listen: SidecarListen): Promise<Sidecar> {
    const { bucket } = this.#run.spec;
    const bucketFolder = bucket === null ? null : await this.#services.storage.folder('buckets', bucket);
    const api = await startContainerApi(this.#contextOf(listen, bucketFolder), listen);
    this.#apis.push(api);
    for (const entry of this.#early.splice(0)) void api.log.write(entry);
    return api;
  }

  /** Null when the Container API was none of ours. */
  counters(): ApiCounters | null {
    if (this.#apis.length === 0) return null;
    const total: ApiCounters = { rowsRead: {}, requests: 0, errors: 0 };
    for (const { rowsRead, requests, errors } of this.#apis.map((api) => api.summary())) {
      total.requests += requests;
      total.errors += errors;
      for (const [stream, rows] of Object.entries(rowsRead)) {
        total.rowsRead[stream] = (total.rowsRead[stream] ?? 0) + rows;
      }
    }
    return total;
  }

  /** Writes what still waits, when the Container API never began. */
  async close(): Promise<void> {
    if (this.#early.length === 0) return;
    const { masker, now, logLimitBytes: limitBytes } = this.#contextOf(null, null);
    const log = await RunLog.open(runFolder(this.#folder).log, { masker, now, limitBytes });
    for (const entry of this.#early.splice(0)) await log.append(entry);
    await log.close();
  }

  #contextOf(listen: SidecarListen | null, bucketFolder: string | null): RunContext {
    const { identity } = this.#run;
    const config = sidecarConfig(this.#services, this.#run, { folder: this.#folder, bucketFolder }, listen);
    return contextOf(config, {
      folder: this.#folder,
      ids: identity,
      at: (path) => path,
      masker: this.masker,
      lookup: this.#services.git.settings.egress.lookup,
      now: () => new Date(),
    });
  }
}
