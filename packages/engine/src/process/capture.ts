import { execFile } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { LogSink, Mask, MaskStream } from '../log.ts';
import { CAPTURE_LIMIT_BYTES, StreamLines } from '../run/stream-lines.ts';

const READ_BYTES = 256 * 1024;
/** How long a pipe may stay open after everything that could write to it has been killed. */
const LINGER_MS = 2_000;

/**
 * Captures stdout or stderr of a connector to the last byte.
 *
 * The connector writes into a named pipe. Node's own pipes are sockets, and `echo x > /dev/stderr` fails on a socket;
 * a plain file would be cut off by the same line, which opens it anew and truncates it. From the pipe the bytes go
 * into a spool file at once, and a second, slower reader turns the spool into log lines. So the connector is never
 * held up by the store of the logs, memory stays flat, and after a crash of the server the spool still holds what had
 * been written. The spool is private to the run and is removed with it, because it is not masked.
 */
export class OutputCapture {
  /** File descriptor of the write end, for the child; see {@link releaseWriteEnd}. */
  readonly writeEnd: number;
  readonly #source: 'stdout' | 'stderr';
  readonly #log: LogSink;
  readonly #split: StreamLines;
  readonly #spool: FileHandle;
  readonly #reader: Socket;
  readonly #ended = Promise.withResolvers<void>();
  readonly #pump: Promise<void>;
  #wake = Promise.withResolvers<void>();
  #written = 0;
  #released = false;
  #dropped = false;
  #finished = false;
  #writing: Promise<unknown> = Promise.resolve();

  private constructor(
    source: 'stdout' | 'stderr',
    ends: { read: number; write: number; spool: FileHandle },
    log: LogSink,
    split: StreamLines,
  ) {
    this.#source = source;
    this.#log = log;
    this.#split = split;
    this.#spool = ends.spool;
    this.writeEnd = ends.write;
    this.#reader = new Socket({ fd: ends.read, readable: true, writable: false });
    this.#reader.on('data', (chunk: Buffer) => this.#take(chunk));
    this.#reader.on('error', () => this.#ended.resolve());
    this.#reader.on('close', () => this.#ended.resolve());
    this.#pump = this.#pumpLines();
    // A log that fails is told by finish(); until then nobody waits for this promise.
    this.#pump.catch(() => {});
  }

  /** Makes pipe and spool of both sources in the run's folder. */
  static async open(
    folder: string,
    log: LogSink,
    mask: Mask,
    maskStream?: () => MaskStream,
  ): Promise<{ stdout: OutputCapture; stderr: OutputCapture }> {
    const pipe = (source: string) => join(folder, `${source}.pipe`);
    await promisify(execFile)('mkfifo', ['-m', '600', pipe('stdout'), pipe('stderr')]);
    const one = async (source: 'stdout' | 'stderr') => {
      // The read end first and without blocking: the write end can not be opened before somebody reads.
      const read = openSync(pipe(source), constants.O_RDONLY | constants.O_NONBLOCK);
      const write = openSync(pipe(source), constants.O_WRONLY);
      const spool = await open(join(folder, `${source}.spool`), 'w+', 0o600);
      await rm(pipe(source));
      const split = new StreamLines(source, { log, mask, maskStream });
      return new OutputCapture(source, { read, write, spool }, log, split);
    };
    return { stdout: await one('stdout'), stderr: await one('stderr') };
  }

  /** Entries handed to the log so far. */
  get lines(): number {
    return this.#split.lines;
  }

  /** Closes our copy of the write end once the child has its own: the pipe ends when nobody holds one any more. */
  releaseWriteEnd(): void {
    if (this.#released) return;
    this.#released = true;
    closeSync(this.writeEnd);
  }

  /**
   * Waits for the end of the pipe and until every line has been handed over. To be called when the connector has
   * ended and what it left behind was killed.
   */
  async finish(): Promise<void> {
    this.releaseWriteEnd();
    const timer = setTimeout(() => this.#reader.destroy(), LINGER_MS);
    await this.#ended.promise;
    clearTimeout(timer);
    await this.#writing;
    this.#finished = true;
    this.#wake.resolve();
    await this.#pump;
    await this.#spool.close();
  }

  #take(chunk: Buffer): void {
    const room = CAPTURE_LIMIT_BYTES - this.#written;
    const kept = chunk.length > room ? chunk.subarray(0, room) : chunk;
    if (kept.length < chunk.length) this.#dropped = true;
    if (kept.length === 0) return;
    const at = this.#written;
    this.#written += kept.length;
    // One write at a time: the pipe itself holds the connector back for as long as the disk needs, never longer.
    this.#reader.pause();
    this.#writing = writeAll(this.#spool, kept, at).then(
      () => {
        this.#reader.resume();
        this.#wake.resolve();
      },
      (error: Error) => {
        this.#dropped = true;
        this.#reader.resume();
        return this.#log(
          'error',
          'engine',
          `The output on ${this.#source} could not be captured: ${error.message}`,
        );
      },
    );
  }

  /** Reads the spool behind the writer and hands over its lines. */
  async #pumpLines(): Promise<void> {
    const buffer = Buffer.alloc(READ_BYTES);
    let position = 0;
    for (;;) {
      const wake = this.#wake.promise;
      const finished = this.#finished;
      const { bytesRead } = await this.#spool.read(buffer, 0, buffer.length, position);
      position += bytesRead;
      await this.#split.take(buffer.subarray(0, bytesRead));
      if (bytesRead > 0) continue;
      if (finished) break;
      await wake;
      this.#wake = Promise.withResolvers<void>();
    }
    await this.#split.end();
    if (this.#dropped) await this.#split.sayDropped();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer, at: number): Promise<void> {
  let done = 0;
  while (done < bytes.length) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, at + done);
    done += bytesWritten;
  }
}
