import { mkdir } from 'node:fs/promises';
import { BlockKeeper, InputStream, OutputStream, readJsonFile, writeJsonFile } from '@slipway/records';
import { IdempotencyKeys } from '../idempotency.ts';
import { RunLog } from '../log/run-log.ts';
import { DEFAULT_FILE_LIMITS, type RunContext } from '../run-context.ts';
import { type RunFolder, runFolder } from '../run-folder.ts';
import { Checkpoints } from './checkpoints.ts';
import { Journal } from './journal.ts';
import { causeOf, RunFiles } from './run-files.ts';
import { StorageProcesses } from './storage-processes.ts';
import { type InputName, type OutputName, STREAMS } from './streams-of-types.ts';

/** What must not be forgotten when the sidecar is started again. */
interface Facts {
  outputFailed: boolean;
  /** Rows could not be stored, of `output` or `feedback`. */
  storageFailed: boolean;
  outputRefusedStatus: number | null;
  readHidden: boolean;
  usedFull: boolean;
}

type Parts = Pick<
  Run,
  'log' | 'notifications' | 'events' | 'checkpoints' | 'keys' | 'output' | 'feedback' | 'files' | 'processes'
>;

/** One run as the operations see it: its context, its streams, its log. */
export class Run {
  readonly context: RunContext;
  readonly folder: RunFolder;
  readonly log: RunLog;
  readonly notifications: Journal;
  readonly events: Journal;
  readonly checkpoints: Checkpoints;
  readonly keys: IdempotencyKeys;
  readonly output: OutputStream;
  readonly feedback: OutputStream;
  readonly files: RunFiles;
  readonly processes: StorageProcesses;
  readonly counters = { requests: 0, errors: 0, rowsRead: new Map<InputName, number>() };
  readonly #facts: Facts;
  readonly #inputs = new Map<string, Promise<InputStream>>();
  readonly #blocks = new BlockKeeper();

  private constructor(context: RunContext, folder: RunFolder, parts: Parts, facts: Facts) {
    this.context = context;
    this.folder = folder;
    this.log = parts.log;
    this.notifications = parts.notifications;
    this.events = parts.events;
    this.checkpoints = parts.checkpoints;
    this.keys = parts.keys;
    this.output = parts.output;
    this.feedback = parts.feedback;
    this.files = parts.files;
    this.processes = parts.processes;
    this.#facts = facts;
  }

  /** Opens a run, new or left behind by a crash. */
  static async open(context: RunContext): Promise<Run> {
    const { exchangeFolder: exchange, transportFolder: transport } = context;
    const folder = runFolder(context.folder, { exchange, transport });
    for (const path of [folder.exchange, folder.stateFolder]) await mkdir(path, { recursive: true });
    const { masker, now, logLimitBytes: limitBytes } = context;
    const limits = { ...DEFAULT_FILE_LIMITS, ...context.fileLimits };
    const files = await RunFiles.open(context, folder, limits);
    const [log, notifications, events, checkpoints, output, feedback, facts] = await Promise.all([
      RunLog.open(folder.log, { masker, limitBytes, now }),
      Journal.open(folder.notifications),
      Journal.open(folder.events),
      Checkpoints.open(folder, now),
      OutputStream.open(folder.output('output')),
      OutputStream.open(folder.output('feedback')),
      readJsonFile<Facts>(folder.facts),
    ]);
    const processes = await StorageProcesses.open(folder.processes, {
      perform: (id, task, signal) => files.perform(id, task, signal),
      causeOf,
      log,
      limits,
      now,
    });
    const reached = new Map([
      ['output', output.end],
      ['feedback', feedback.end],
      ['log', log.lastNumber],
      ['notifications', notifications.end],
      ['events', events.end],
      ['processes', processes.end],
    ]);
    const keys = await IdempotencyKeys.open(folder.idempotency, reached);
    const parts = { log, notifications, events, checkpoints, keys, output, feedback, files, processes };
    return new Run(context, folder, parts, facts ?? NO_FACTS());
  }

  get facts(): Readonly<Facts> {
    return this.#facts;
  }

  /** The output stream of a name. */
  outputStream(name: OutputName): OutputStream {
    return name === 'output' ? this.output : this.feedback;
  }

  /** Whether the connector's type has an output stream; every type has `feedback`. */
  hasOutput(name: OutputName): boolean {
    return name === 'feedback' || STREAMS[this.context.connector.type].output;
  }

  /** The input streams of the connector's type. */
  get inputNames(): readonly InputName[] {
    return STREAMS[this.context.connector.type].inputs;
  }

  /**
   * An input stream, or the rows of one classification of it.
   *
   * @throws when it can not be read; the next call tries again
   */
  input(name: InputName, classification: number | null): Promise<InputStream> {
    const path =
      classification === null
        ? this.folder.input(name)
        : this.folder.classificationInput(name, classification);
    let stream = this.#inputs.get(path);
    if (!stream) {
      stream = InputStream.open(path, this.folder.cursors, this.#blocks);
      this.#inputs.set(path, stream);
      stream.catch(() => this.#inputs.delete(path));
    }
    return stream;
  }

  /** Counts rows that were given out. */
  countRead(name: InputName, rows: number): void {
    this.counters.rowsRead.set(name, (this.counters.rowsRead.get(name) ?? 0) + rows);
  }

  /** Notes a fact that {@link RunSummary} tells; true when it is new. */
  note(fact: 'readHidden' | 'usedFull'): boolean {
    if (this.#facts[fact]) return false;
    this.#facts[fact] = true;
    this.#saveFacts();
    return true;
  }

  /** True when rows could not be stored: every later write is refused (container-api.md 2.8). */
  get storageFailed(): boolean {
    return this.#facts.storageFailed || this.output.failure !== null || this.feedback.failure !== null;
  }

  noteStorageFailure(): void {
    this.#facts.outputFailed = true;
    this.#facts.storageFailed = true;
    this.#saveFacts();
  }

  /** Notes a write to `output` whose rows are lost (container-api.md 2.8). */
  noteRefusedWrite(method: string, path: string, status: number): void {
    if (method !== 'POST' || path !== '/output/output') return;
    if (status >= 500) this.#facts.outputFailed = true;
    else if (status >= 400 && status < 500 && status !== 400 && status !== 409) {
      this.#facts.outputRefusedStatus ??= status;
    } else return;
    this.#saveFacts();
  }

  /** Closes both output streams: no more rows are taken. */
  async closeOutputs(): Promise<void> {
    await Promise.all([this.output.close(), this.feedback.close()]);
  }

  async close(): Promise<void> {
    const inputs = await Promise.allSettled(this.#inputs.values());
    for (const input of inputs) if (input.status === 'fulfilled') await input.value.close();
    this.files.close();
    await this.processes.close();
    await Promise.all([this.output.dispose(), this.feedback.dispose()]);
    await Promise.all([
      this.notifications.close(),
      this.events.close(),
      this.checkpoints.close(),
      this.log.close(),
    ]);
    await this.#saving;
    this.keys.close();
  }

  #saving: Promise<void> = Promise.resolve();

  #saveFacts(): void {
    const save = () => writeJsonFile(this.folder.facts, this.#facts);
    // Facts that can not be stored still count as long as this process lives.
    this.#saving = this.#saving.then(save).catch(() => {});
  }
}

const NO_FACTS = (): Facts => ({
  outputFailed: false,
  storageFailed: false,
  outputRefusedStatus: null,
  readHidden: false,
  usedFull: false,
});
