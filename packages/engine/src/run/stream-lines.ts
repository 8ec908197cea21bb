import type { LogSink, Mask, MaskStream } from '../log.ts';
import { LineSplitter } from './line-splitter.ts';

/** Bytes of one source that are kept (container-api.md 8.9). */
export const CAPTURE_LIMIT_BYTES = 100 * 1024 * 1024;

/** Turns the bytes of stdout or stderr into masked log lines, and hands them over one after the other. */
export class StreamLines {
  readonly #source: 'stdout' | 'stderr';
  readonly #log: LogSink;
  readonly #mask: Mask;
  readonly #maskStream: MaskStream | null;
  readonly #batch: string[] = [];
  readonly #splitter = new LineSplitter((line) => this.#batch.push(line));
  readonly #decoder = new TextDecoder('utf-8', { ignoreBOM: true });
  #skip: number;
  #lines = 0;

  /** @param skip lines that the log has already; they are read again for the sake of what is masked, and not handed over */
  constructor(
    source: 'stdout' | 'stderr',
    to: { readonly log: LogSink; readonly mask: Mask; readonly maskStream?: (() => MaskStream) | undefined },
    skip = 0,
  ) {
    this.#source = source;
    this.#log = to.log;
    this.#mask = to.mask;
    this.#maskStream = to.maskStream?.() ?? null;
    this.#skip = skip;
  }

  /** Lines handed to the log so far. */
  get lines(): number {
    return this.#lines;
  }

  /** Takes the next bytes; fulfilled when the log has taken the lines they complete. */
  async take(bytes: Buffer): Promise<void> {
    if (this.#maskStream === null) this.#splitter.write(bytes);
    else {
      const text = this.#maskStream.push(this.#decoder.decode(bytes, { stream: true }));
      this.#splitter.write(Buffer.from(text));
    }
    await this.#flush();
  }

  /** Hands over what is left. */
  async end(): Promise<void> {
    if (this.#maskStream !== null) {
      const text = this.#maskStream.push(this.#decoder.decode());
      this.#splitter.write(Buffer.from(text + this.#maskStream.end()));
    }
    this.#splitter.end();
    await this.#flush();
  }

  /** Says that more was printed than is kept. */
  async sayDropped(): Promise<void> {
    const limit = CAPTURE_LIMIT_BYTES / (1024 * 1024);
    await this.#log('warning', 'engine', `More than ${limit} MiB on ${this.#source}: the rest was dropped.`);
  }

  async #flush(): Promise<void> {
    const level = this.#source === 'stdout' ? 'info' : 'error';
    for (const line of this.#batch) {
      if (this.#skip > 0) {
        this.#skip -= 1;
        continue;
      }
      this.#lines += 1;
      const handed = this.#log(level, this.#source, this.#mask(line).replaceAll('\0', '\ufffd'));
      if (handed) await handed;
    }
    this.#batch.length = 0;
  }
}
