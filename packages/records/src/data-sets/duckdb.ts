import type { DuckDBConnection, DuckDBInstance } from '@duckdb/node-api';

export interface DuckDbOptions {
  /** Memory that queries may take, in MiB; what needs more goes to {@link temporaryFolder}. */
  readonly memoryMb: number;
  readonly threads: number;
  /** Folder for what does not fit into memory; made when needed. */
  readonly temporaryFolder: string;
}

/**
 * One DuckDB, in memory, for reading and writing files. Its work happens on other threads; connections are made per call
 * and share the memory limit.
 */
export class DuckDb {
  readonly #options: DuckDbOptions;
  #instance: Promise<DuckDBInstance> | null = null;

  constructor(options: DuckDbOptions) {
    this.#options = options;
  }

  /** Memory that queries may take, in MiB. */
  get memoryMb(): number {
    return this.#options.memoryMb;
  }

  /** Calls a function with a connection of its own, which is closed afterwards. */
  async with<T>(work: (connection: DuckDBConnection) => Promise<T>): Promise<T> {
    const connection = await this.connect();
    try {
      return await work(connection);
    } finally {
      connection.closeSync();
    }
  }

  /** A connection, to be closed by the caller. */
  async connect(): Promise<DuckDBConnection> {
    this.#instance ??= this.#open();
    return await (await this.#instance).connect();
  }

  /** The library is loaded with its first use: a server at rest does not carry it. */
  async #open(): Promise<DuckDBInstance> {
    const { memoryMb, threads, temporaryFolder } = this.#options;
    const duckdb = await import('@duckdb/node-api');
    return duckdb.DuckDBInstance.create(':memory:', {
      memory_limit: `${memoryMb}MiB`,
      threads: String(threads),
      temp_directory: temporaryFolder,
      // Nothing is downloaded: JSON and Parquet are built in.
      autoinstall_known_extensions: 'false',
      autoload_known_extensions: 'false',
    });
  }

  /** Lets go of the memory; the next call begins anew. */
  async close(): Promise<void> {
    const instance = this.#instance;
    this.#instance = null;
    (await instance)?.closeSync();
  }
}

/** A text as an SQL literal. NUL, which SQL text can not hold, is refused. */
export function literal(text: string): string {
  if (text.includes('\0')) throw new Error('A literal can not hold NUL');
  return `'${text.replaceAll("'", "''")}'`;
}
