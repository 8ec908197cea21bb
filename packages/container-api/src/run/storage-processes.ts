import { readLines, StorageFailure } from '@slipway/records';
import type { RunLog } from '../log/run-log.ts';
import type { FileLimits } from '../run-context.ts';
import { timestamp } from '../timestamp.ts';
import { FailedProcesses } from './failed-processes.ts';
import { Journal } from './journal.ts';
import {
  eachRecorded,
  findRecorded,
  type ProcessEnd,
  type ProcessRecord,
  type StorageTask,
} from './process-records.ts';

/** A process as the API shows it. */
export interface ShownProcess {
  readonly id: string;
  readonly status: 'running' | 'finished' | 'failed';
  readonly 'exit-code': number | null;
  readonly 'seconds-remaining': number;
}

/** Exit codes of processes that did not end by themselves (container-api.md 5.11). */
const TIME_RAN_OUT = 124;
const STOPPED = 130;

/** Processes that ended last, which clients ask for; the others are read from the record. */
const RECENT = 1000;

interface Process {
  readonly id: string;
  /** Later ones have greater numbers. */
  readonly number: number;
  readonly task: StorageTask;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  end: { readonly exitCode: number; readonly cause: string | null } | null;
  readonly stop: AbortController;
  /** Work that has begun already. */
  work: Promise<void> | null;
}

/** Why a process was stopped. */
class StopReason extends Error {
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

export interface StorageProcessesOptions {
  /** Does the work; stops when the signal is aborted. An error's cause is told by {@link causeOf}. */
  readonly perform: (id: string, task: StorageTask, signal: AbortSignal) => Promise<void>;
  /** A cause that may be shown, without a full stop. */
  readonly causeOf: (error: unknown) => string;
  readonly log: RunLog;
  readonly limits: Pick<FileLimits, 'parallelProcesses' | 'processSeconds'>;
  readonly now: () => Date;
}

/**
 * The storage processes of a run (container-api.md 7.4). Their begin and end are recorded, so that those that were
 * running are begun anew after a crash. Only the running ones are held in memory.
 */
export class StorageProcesses {
  readonly #path: string;
  readonly #journal: Journal;
  readonly #options: StorageProcessesOptions;
  /** Those that are running or wait for it, in the order in which they were accepted. */
  readonly #unfinished = new Map<string, Process>();
  readonly #recent = new Map<string, ShownProcess>();
  readonly #failed = new FailedProcesses();
  readonly #active = new Set<Process>();
  readonly #timers = new Map<Process, NodeJS.Timeout>();
  #lastNumber = 0;
  #closed = false;
  #whenIdle: PromiseWithResolvers<void> | null = null;

  private constructor(path: string, journal: Journal, options: StorageProcessesOptions) {
    this.#path = path;
    this.#journal = journal;
    this.#options = options;
  }

  /** Opens the record of processes; those that are running go on. */
  static async open(path: string, options: StorageProcessesOptions): Promise<StorageProcesses> {
    const opened = new StorageProcesses(path, await Journal.open(path), options);
    await opened.#readRecord();
    for (const process of opened.#unfinished.values()) opened.#watch(process);
    opened.#startNext();
    return opened;
  }

  async #readRecord(): Promise<void> {
    for await (const line of readLines(this.#path)) {
      const record = JSON.parse(line.toString('utf8')) as ProcessRecord;
      if ('startedAt' in record) {
        const { id, startedAt, ...task } = record;
        this.#accept(newProcess(id, ++this.#lastNumber, task, Date.parse(startedAt)));
        continue;
      }
      const process = this.#unfinished.get(record.id);
      if (!process) continue;
      this.#unfinished.delete(record.id);
      this.#noteEnd(process, record);
    }
  }

  /** Bytes of the record: how far the effects of calls have come. */
  get end(): number {
    return this.#journal.end;
  }

  /**
   * Accepts a process; it is recorded when this is fulfilled.
   *
   * @param id UUID
   * @param beforeStored called with the record's length just before it is handed over
   * @param begun work that is under way already, with its way to be stopped
   * @throws {StorageFailure}
   */
  async start(
    id: string,
    task: StorageTask,
    beforeStored?: (end: number) => void,
    begun?: { readonly work: Promise<void>; readonly stop: AbortController },
  ): Promise<void> {
    const startedAt = this.#options.now();
    const record: ProcessRecord = { id, startedAt: timestamp(startedAt), ...task };
    await this.#journal.append(record, beforeStored);
    const process = newProcess(id, ++this.#lastNumber, task, startedAt.getTime(), begun?.stop);
    process.work = begun?.work ?? null;
    this.#accept(process);
    this.#watch(process);
    if (begun) void this.#run(process);
    this.#startNext();
  }

  /** A process of this run; letters of the id may be in any case. */
  async get(id: string): Promise<ShownProcess | null> {
    const known = id.toLowerCase();
    const process = this.#unfinished.get(known);
    if (process) return this.#show(process);
    const recent = this.#recent.get(known);
    if (recent) return recent;
    const found = await findRecorded(this.#path, known);
    return found === null ? null : ended(found);
  }

  /** Those that are running or wait for it, oldest first. */
  pending(): ShownProcess[] {
    return [...this.#unfinished.values()].map((process) => this.#show(process));
  }

  /** All processes, oldest first. */
  async *all(): AsyncGenerator<ShownProcess> {
    for await (const { id, end } of eachRecorded(this.#path)) {
      const process = this.#unfinished.get(id);
      const shown = process ? this.#show(process) : (this.#recent.get(id) ?? (end && ended(end)));
      if (shown) yield shown;
    }
  }

  /** The first failed process that is the last one for its store and remote path. */
  get failed(): { readonly id: string; readonly cause: string } | null {
    return this.#failed.first;
  }

  /** Waits for all running processes; when the signal is aborted they are stopped. */
  async finish(signal: AbortSignal): Promise<void> {
    const stop = (): void => {
      const reason = new StopReason(STOPPED, 'it was stopped with the run');
      for (const process of [...this.#unfinished.values()]) this.#stop(process, reason);
    };
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    while (this.#unfinished.size > 0) {
      this.#whenIdle ??= Promise.withResolvers();
      await this.#whenIdle.promise;
    }
    signal.removeEventListener('abort', stop);
  }

  /** Lets go of the record. Running processes stay recorded as running: the next start takes them up again. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const timer of this.#timers.values()) clearTimeout(timer);
    for (const process of this.#active) process.stop.abort();
    await Promise.allSettled([...this.#active].map(({ work }) => work));
    await this.#journal.close();
  }

  #show(process: Process): ShownProcess {
    const { id, end } = process;
    if (end) return ended({ id, ...end });
    const remaining = Math.max(0, Math.ceil(this.#remainingMs(process) / 1000));
    return { id, status: 'running', 'exit-code': null, 'seconds-remaining': remaining };
  }

  #remainingMs({ startedAt }: Process): number {
    return startedAt + this.#options.limits.processSeconds * 1000 - this.#options.now().getTime();
  }

  #accept(process: Process): void {
    this.#unfinished.set(process.id, process);
    this.#failed.begun(keyOf(process.task));
  }

  #noteEnd(process: Process, end: ProcessEnd): void {
    this.#recent.set(process.id, ended(end));
    if (this.#recent.size > RECENT) this.#recent.delete(this.#recent.keys().next().value!);
    if (end.exitCode === 0) return;
    const key = keyOf(process.task);
    const later = [...this.#unfinished.values()].some(
      (other) => other.number > process.number && keyOf(other.task) === key,
    );
    if (!later) this.#failed.failed(key, process.number, { id: process.id, cause: end.cause ?? '' });
  }

  /** Ends a process whose time runs out. */
  #watch(process: Process): void {
    const seconds = this.#options.limits.processSeconds;
    const reason = new StopReason(TIME_RAN_OUT, `it ran longer than ${seconds} seconds`);
    const timer = setTimeout(
      () => this.#stop(process, reason),
      Math.max(0, this.#remainingMs(process)),
    ).unref();
    this.#timers.set(process, timer);
  }

  #stop(process: Process, reason: StopReason): void {
    process.stop.abort(reason);
    // One that waits has no work that could end.
    if (!this.#active.has(process)) void this.#end(process, reason);
  }

  #startNext(): void {
    for (const process of this.#unfinished.values()) {
      if (this.#closed || this.#active.size >= this.#options.limits.parallelProcesses) return;
      if (this.#active.has(process)) continue;
      // Two that write the same path go one after the other, so that the later one counts.
      const key = keyOf(process.task);
      if ([...this.#active].some((other) => keyOf(other.task) === key)) continue;
      void this.#run(process);
    }
  }

  async #run(process: Process): Promise<void> {
    this.#active.add(process);
    let error: unknown = null;
    try {
      process.work ??= this.#options.perform(process.id, process.task, process.stop.signal);
      await process.work;
    } catch (thrown) {
      error = process.stop.signal.aborted ? process.stop.signal.reason : thrown;
    }
    this.#active.delete(process);
    if (this.#closed && error !== null) return;
    await this.#end(process, error);
    this.#startNext();
  }

  async #end(process: Process, error: unknown): Promise<void> {
    if (process.end !== null) return;
    const { log, causeOf } = this.#options;
    clearTimeout(this.#timers.get(process));
    this.#timers.delete(process);
    const { id, task } = process;
    const exitCode = error === null ? 0 : error instanceof StopReason ? error.exitCode : 1;
    const cause = error === null ? null : error instanceof StopReason ? error.message : causeOf(error);
    process.end = { exitCode, cause };
    this.#unfinished.delete(id);
    this.#noteEnd(process, { id, exitCode, cause });
    if (cause !== null) {
      const context = { id, store: task.store, 'remote-file': task.remote };
      const message = `Process ${id} failed: ${cause}.`;
      void log.write({ level: 'error', source: 'container-api', message, context });
    }
    const record: ProcessRecord = { id, exitCode, cause };
    // An end that can not be stored still counts as long as this server lives.
    await this.#journal.append(record).catch((failure: unknown) => {
      if (!(failure instanceof StorageFailure)) throw failure;
    });
    if (this.#unfinished.size > 0) return;
    this.#whenIdle?.resolve();
    this.#whenIdle = null;
  }
}

const keyOf = ({ store, remote }: StorageTask): string => `${store} ${remote}`;

const ended = ({ id, exitCode }: ProcessEnd): ShownProcess => ({
  id,
  status: exitCode === 0 ? 'finished' : 'failed',
  'exit-code': exitCode,
  'seconds-remaining': 0,
});

function newProcess(
  id: string,
  number: number,
  task: StorageTask,
  startedAt: number,
  stop: AbortController = new AbortController(),
): Process {
  return { id, number, task, startedAt, end: null, stop, work: null };
}
