/**
 * The connector SDK of Slipway. Begin with {@link run}:
 *
 * ```js
 * import { run } from '@slipway/connector-sdk';
 *
 * await run(async ({ output, settings, log }) => {
 *   const answer = await fetch(settings.required('api-url'));
 *   for (const product of await answer.json()) await output.write(product);
 *   log.success(`${output.count} products.`);
 * });
 * ```
 */

/**
 * Runs a connector: calls `main`, stores what is still buffered, and ends the process as the platform expects it.
 *
 * - `main` returns: exit code 0, once everything is stored.
 * - `main` throws: the stack goes to stderr, exit code 1. Rows written before are kept for inspection.
 * - SIGTERM (the run is cancelled or took too long): {@link Connector.signal} is aborted, reading and writing rows
 *   throws a {@link CancelledError}, state and logs still work; exit code 143.
 * - The argument `--health` is there: `main` is not called, exit code 0. Use it as the connector's health check.
 */
export function run(
  main: (connector: Connector) => unknown | Promise<unknown>,
  options?: ConnectOptions,
): Promise<void>;

/** A connector without the frame of {@link run}, for programs with a frame of their own. Call `close()` at the end. */
export function connect(options?: ConnectOptions): Connector;

export interface ConnectOptions {
  /** Base URL of the Container API. Default: `CONTAINER_API_URL`, else `http://cde-container-api`. */
  url?: string | undefined;
  /** Default: `process.env`. */
  environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Words of the command line after the program. Default: `process.argv` without the first two. */
  arguments?: readonly string[] | undefined;
  /** How long a call is repeated when the connection fails, in milliseconds. Default: 30 000. */
  retryMs?: number | undefined;
  /** A call that is not answered for so long counts as a failed connection, in milliseconds. Default: 60 000. */
  timeoutMs?: number | undefined;
  /** Aborted when the run is to end. */
  signal?: AbortSignal | undefined;
}

export interface Connector {
  /** What is known about the run, from the environment. */
  readonly run: RunInfo;
  readonly settings: Settings;
  /** Aborted when the run is cancelled: pass it on to what takes long. */
  readonly signal: AbortSignal;
  /** Rows of data services and exports. */
  readonly input: RowReader;
  /** Rows of data sources, transforms and data services. */
  readonly output: RowWriter;
  /** Rows that exports give back about items. */
  readonly feedback: RowWriter;
  readonly log: Log;
  /** Lines in the notification panel of the site. */
  readonly notify: Notifications;
  /** Structured events about single items. */
  readonly events: EventLog;
  /** Checkpoints that the next run finds again. */
  readonly state: State;
  /** The folder that connector and Container API share. */
  readonly exchange: Exchange;
  /** The bucket that is linked to the connector: files that stay. */
  readonly bucket: Bucket;
  /** Files for delivery. */
  readonly storage: Storage;

  /** An input stream, read with options of its own. Readers of one stream share its position. */
  read<Column extends string = string>(stream: InputName, options?: ReadOptions): RowReader<Column>;
  /** The changes of an `export-delta`, one stream after the other. Default: new, modified, deleted. */
  changes<Column extends string = string>(
    kinds?: readonly ChangeKind[],
    options?: ReadOptions,
  ): AsyncIterable<Change<Column>>;
  /** An output stream, written with options of its own. */
  writer<Row extends object = object>(stream: OutputName, options?: WriteOptions): RowWriter<Row>;

  /** Columns in the order of the channel or of the input. */
  columnOrder(options?: { showHidden?: boolean | undefined }): Promise<string[]>;
  /** Classifications of the run; with `path` those whose path contains it. */
  classifications(path?: string): Promise<Classification[]>;
  metadata(): Promise<Metadata>;

  /** Waits until all rows, events and log entries are stored. */
  flush(): Promise<void>;
  /** Flushes and lets go of the connections. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RunInfo {
  /** UUIDs; undefined outside of a run. */
  readonly id: string | undefined;
  readonly processId: string | undefined;
  /** 0 in a local run. */
  readonly siteId: number;
  readonly connectorId: string | undefined;
  /** Version such as `2.0.0`. */
  readonly connectorVersion: string | undefined;
  readonly environment: 'dev' | 'prod' | undefined;
  readonly stage: 'import' | 'intermediate' | 'export' | undefined;
}

// ---------------------------------------------------------------------------------------------------------- settings

/** The values of the form, of the authentication and of the secrets, however the version passes them. */
export interface Settings {
  /** A value by its option name, such as `api-url`; undefined (or `fallback`) when it is empty. */
  get(name: string): string | undefined;
  get(name: string, fallback: string): string;
  /** @throws {SettingError} when it is empty */
  required(name: string): string;
  /** A checkbox: true for `1`. */
  flag(name: string): boolean;
  /** @throws {SettingError} for what is no number */
  number(name: string): number | undefined;
  number(name: string, fallback: number): number;
  /** The values of a multi-select; empty when none is chosen. */
  list(name: string): string[];
  /** A field of the chosen authentication, such as `refresh_token`. */
  auth(field: string): string | undefined;
  /** A field of a registered secret, by its ini header: `secret('google-io::shopping', 'key')`. */
  secret(header: string, field: string): string | undefined;
}

// -------------------------------------------------------------------------------------------------------------- rows

/** `full` is an older name of `input` and not offered. */
export type InputName = 'input' | 'new' | 'modified' | 'unchanged' | 'deleted';
export type OutputName = 'output' | 'feedback';
export type ChangeKind = 'new' | 'modified' | 'unchanged' | 'deleted';

/** A row that was read. Every value is text; a value that is not there is `''`. */
export type Row<Column extends string = string> = { [Name in Column]: string };

export interface Change<Column extends string = string> {
  readonly kind: ChangeKind;
  readonly row: Row<Column>;
}

export interface ReadOptions {
  /** Only the rows of this classification, with its columns. */
  classification?: number | undefined;
  /** With the columns whose names begin with `__`. Default: the setting of the version. */
  showHidden?: boolean | undefined;
}

/**
 * The rows of an input stream. They are read as they are consumed, so any number of rows takes the same memory. A loop that is left
 * early is gone on with by the next one; when the Container API is restarted meanwhile, no row is skipped or given twice.
 */
export interface RowReader<Column extends string = string> extends AsyncIterable<Row<Column>> {
  /** The rows in lists of `size` (default 500), the last one may be shorter. */
  batches(size?: number): AsyncIterable<Row<Column>[]>;
  /** All rows of the stream, wherever the reader is. */
  count(): Promise<number>;
  /** Begins again at the first row. */
  restart(): Promise<void>;
}

export interface WriteOptions {
  /** Rows of a call. Default: 1000. */
  batchRows?: number | undefined;
  /** Bytes of a call; one row may be larger. Default: 512 KiB. */
  batchBytes?: number | undefined;
  /** Stands between the parts of a column name: `price-amount`. Default: the setting of the version. */
  separator?: string | undefined;
}

/**
 * Writes rows. They are sent in batches, each stored exactly once even when the Container API is restarted meanwhile. A batch that is
 * refused makes this and all later calls fail: nothing gets lost in silence.
 */
export interface RowWriter<Row extends object = object> {
  /** Rows handed over so far. */
  readonly count: number;
  /**
   * Writes one row or a list. Nested values become columns; `undefined` is left out, a `bigint` is written as its digits, a `Date` as
   * ISO 8601. Wait for the promise: it holds back a source that is faster than the disk.
   *
   * @throws {RowsRefusedError} with the numbers of the rows
   */
  write(rows: Row | readonly Row[]): Promise<void>;
  /** Waits until all rows are stored. */
  flush(): Promise<void>;
  /**
   * Writes all rows of a source in one call: all of them or none. Not repeated when the connection fails, since the rows are gone by
   * then. Rows buffered before are stored first.
   */
  stream(rows: Iterable<Row> | AsyncIterable<Row>): Promise<void>;
  /** Stores what is buffered and closes the stream: it takes no more rows in this run. */
  close(): Promise<void>;
}

// ---------------------------------------------------------------------------------------------------------- messages

export type LogLevel =
  | 'debug'
  | 'info'
  | 'notice'
  | 'warning'
  | 'error'
  | 'critical'
  | 'alert'
  | 'emergency'
  | 'success'
  | 'report';

/**
 * Writes a log entry. The entries are sent in order in the background; waiting for the promise makes sure that one is stored. An entry
 * that nobody waits for and that can not be stored is told on stderr.
 */
export type LogMethod = (message: string, context?: Readonly<Record<string, unknown>>) => Promise<void>;
export type Log = { readonly [Level in LogLevel]: LogMethod };

export type NotificationLevel = 'success' | 'info' | 'warning' | 'error';
export type Notifications = { readonly [Level in NotificationLevel]: (message: string) => Promise<void> };

export interface ItemEvent {
  /** Upper-case words that begin with the severity: `INFO_`, `WARNING_` or `ERROR_`. */
  code: string;
  message: string;
  itemId?: string | number | null | undefined;
  context?: Readonly<Record<string, unknown>> | undefined;
}

export interface EventLog {
  /** Events handed over so far. */
  readonly count: number;
  /** Events are sent some hundred at a time, as rows are. */
  write(events: ItemEvent | readonly ItemEvent[]): Promise<void>;
  flush(): Promise<void>;
}

// ------------------------------------------------------------------------------------------------------------- state

export interface StateEntry<Value = unknown> {
  readonly value: Value;
  readonly version: number;
  readonly updatedAt: Date;
}

export interface StateOptions {
  /** Only if the key still has this version. */
  ifVersion?: number | undefined;
  /** `success` (default): kept when the run succeeds; `now`: kept whatever becomes of the run. */
  commit?: 'success' | 'now' | undefined;
}

export interface State {
  /** The value of a key; undefined when there is none. */
  get<Value = unknown>(key: string): Promise<Value | undefined>;
  /** The value with its version. */
  entry<Value = unknown>(key: string): Promise<StateEntry<Value> | undefined>;
  /**
   * Saves any JSON value and gives its version. A key is 1 to 128 letters, digits, `.`, `_`, `-`.
   *
   * @throws {StateConflictError} when `ifVersion` or `ifNew` does not hold
   */
  set(key: string, value: unknown, options?: StateOptions & { ifNew?: boolean | undefined }): Promise<number>;
  /** Deletes a key; false when there was none. @throws {StateConflictError} when `ifVersion` does not hold */
  delete(key: string, options?: StateOptions): Promise<boolean>;
}

// ------------------------------------------------------------------------------------------------------------- files

export interface Exchange {
  /** Absolute path of the folder. */
  readonly directory: string;
  /** The absolute path of a file in it. @throws {RangeError} for a path that leads out */
  path(name: string): string;
  /** Writes a file whole or not at all, with the folders it lies in. Gives its absolute path. */
  write(
    name: string,
    content: string | Uint8Array | Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>,
  ): Promise<string>;
}

export interface Bucket {
  /** Copies a file of the exchange folder (its name there, or its absolute path) to the bucket, by default under its name. */
  upload(source: string, remote?: string): Promise<void>;
  /** Copies a file from the bucket to the exchange folder, and gives its absolute path there. */
  download(remote: string): Promise<string>;
  /** As `download`; undefined when the bucket has no such file. */
  downloadIfExists(remote: string): Promise<string | undefined>;
  delete(remote: string): Promise<void>;
}

export interface Storage {
  /** Starts to copy a file or folder of the exchange folder to the transport area. */
  toTransport(source: string, remote?: string): Promise<StorageProcess>;
  /** The same to the internal storage (deprecated by the platform). */
  toInternal(source: string, remote?: string): Promise<StorageProcess>;
  /** The processes that are still running, oldest first. */
  pending(): Promise<StorageStatus[]>;
  status(id: string): Promise<StorageStatus>;
  /** Writes one log entry per process. */
  logProcesses(): Promise<void>;
}

/** A copy in the background. The run waits for it by itself; the source must stay as it is until then. */
export interface StorageProcess {
  readonly id: string;
  status(): Promise<StorageStatus>;
  /** Waits for its end. @throws {StorageError} when it failed */
  finished(): Promise<void>;
}

export interface StorageStatus {
  readonly id: string;
  readonly status: 'running' | 'finished' | 'failed';
  /** null while it runs. */
  readonly exitCode: number | null;
  readonly secondsRemaining: number;
}

// ------------------------------------------------------------------------------------------------------- information

export interface Classification {
  readonly id: number;
  readonly path: string;
}

export interface Metadata {
  readonly site: { readonly id: number; readonly name: string };
  readonly project: { readonly id: number; readonly name: string };
  readonly account: { readonly id: number; readonly name: string };
  readonly connector: { readonly id: string; readonly name: string; readonly type: string };
  readonly version: string;
  readonly environment: 'dev' | 'prod';
  readonly stage: 'import' | 'intermediate' | 'export';
  readonly processId: string;
  readonly runId: string;
}

// ------------------------------------------------------------------------------------------------------------ errors

/** The Container API refused a call. */
export class ApiError extends Error {
  readonly method: string;
  readonly path: string;
  readonly status: number;
  /** What the answer says, such as `Validation failed`. */
  readonly reason: string;
  /** Field → text. */
  readonly errors: Readonly<Record<string, string>>;
  /** The answer to an earlier attempt was lost: it may have had its effect. */
  readonly repeated: boolean;
}

/** Rows were refused; none of their batch is stored. */
export class RowsRefusedError extends ApiError {
  /** Number of the row among those written to this writer, from 1 → what is wrong; at most 20. */
  readonly rows: ReadonlyMap<number, string>;
}

/** A checkpoint has changed since it was read. */
export class StateConflictError extends ApiError {
  readonly key: string;
}

/** The Container API could not be reached, for as long as calls are repeated. */
export class UnreachableError extends Error {
  readonly method: string;
  readonly path: string;
  readonly attempts: number;
}

/** A setting is missing or can not be understood. */
export class SettingError extends Error {
  readonly setting: string;
}

/** A copy of files failed. */
export class StorageError extends Error {
  readonly id: string;
  readonly exitCode: number | null;
}

/** The run is being cancelled. */
export class CancelledError extends Error {}
