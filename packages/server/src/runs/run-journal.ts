import {
  type ContainerApi,
  DEFAULT_CONTAINER_API_CONFIG,
  type LogSource,
  type Masker,
  type RunContext,
  type RunLog,
  runFolder,
  startContainerApi,
} from '@slipway/container-api';
import type { LogSink, Sidecar, SidecarListen } from '@slipway/engine';
import type { Services } from '../services.ts';
import type { ClaimedRun } from './claimed-run.ts';
import { networkOf } from './run-request.ts';

/**
 * What a run writes down while it lives: the engine's lines and those of its Container API go into one journal, numbered
 * in one row. Lines of the engine from before the Container API has begun wait for it.
 */
export class RunJournal {
  readonly masker: Masker;
  readonly #services: Services;
  readonly #run: ClaimedRun;
  #api: ContainerApi | null = null;
  #early: Parameters<RunLog['write']>[0][] = [];
  #counters: { rowsRead: Record<string, number>; requests: number; errors: number } | null = null;

  constructor(services: Services, run: ClaimedRun, masker: Masker) {
    this.#services = services;
    this.#run = run;
    this.masker = masker;
  }

  /** Takes the lines of the engine. */
  readonly sink: LogSink = (level, source, message, context) => {
    const entry = { level, source: source as LogSource, message, ...(context ? { context } : {}) };
    if (this.#api) return this.#api.log.write(entry);
    this.#early.push(entry);
  };
}
