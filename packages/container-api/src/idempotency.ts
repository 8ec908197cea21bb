import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, renameSync, writeFileSync, writeSync } from 'node:fs';
import { readLines, writeWhole } from '@slipway/records';
import { ANSWERS, type Answer, badRequest, Refusal, TEXTS } from './http/answers.ts';

/** Keys of a run that are remembered. */
const MAX_KEYS = 10_000;
/** Lines of the file from which on it is written anew with the remembered keys alone. */
const COMPACT_AT = 3 * MAX_KEYS;
/** For reading and writing at any place, and made when missing: a file that is only appended to can not be changed. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_CREAT;
/** What a line that counts no more is filled with. */
const BLANK = 0x20;

/** What a call with a key changes, and how long that is afterwards: bytes of a file, or number of an entry. */
export interface Effect {
  readonly on: string;
  readonly end: number;
}

interface Remembered {
  readonly key: string;
  readonly fingerprint: string;
  readonly answer: Answer;
  readonly effect: Effect;
}

/** A call that carries a key and has to be done. */
export interface KeyedCall {
  /** Records the key, just before its effect is handed over: it counts only if the effect is there after a crash. */
  record(effect: Effect, answer: Answer): void;
  /** The call is over: it succeeded if it was recorded and did not fail afterwards. */
  finish(succeeded: boolean): void;
}

/** Remembers the `Idempotency-Key`s of successful calls (container-api.md 2.2). */
export class IdempotencyKeys {
  readonly #path: string;
  #file: number;
  #length: number;
  #lines: number;
  readonly #done: Map<string, Remembered>;
  readonly #inProgress = new Map<string, Promise<void>>();

  private constructor(path: string, done: Map<string, Remembered>) {
    this.#path = path;
    this.#done = done;
    this.#lines = done.size;
    this.#file = openSync(path, OPEN_FLAGS, 0o600);
    this.#length = fstatSync(this.#file).size;
  }

  /**
   * Opens the record of keys; those whose effect did not survive a crash are forgotten.
   *
   * @param reached how far each kind of effect has come
   */
  static async open(path: string, reached: ReadonlyMap<string, number>): Promise<IdempotencyKeys> {
    const done = new Map<string, Remembered>();
    try {
      for await (const line of readLines(path)) {
        if (line[0] === BLANK) continue;
        const entry = JSON.parse(line.toString('utf8')) as Remembered;
        if (entry.effect.end <= (reached.get(entry.effect.on) ?? 0)) remember(done, entry);
      }
      writeKeys(path, done);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
    return new IdempotencyKeys(path, done);
  }

  /**
   * Begins a call.
   *
   * @param key the header; absent for most calls
   * @param fingerprint see {@link fingerprintOf}
   * @returns the answer of the first time, or what to report about the call, or null without a key
   * @throws {Refusal} for a key that is not valid or was used with another request
   */
  async begin(key: string | undefined, fingerprint: () => string): Promise<Answer | KeyedCall | null> {
    if (key === undefined) return null;
    if (!/^[\x20-\x7e]{1,200}$/.test(key)) throw badRequest({ 'Idempotency-Key': TEXTS.notValid });
    const print = fingerprint();
    while (this.#inProgress.has(key)) await this.#inProgress.get(key);
    const earlier = this.#done.get(key);
    if (earlier) {
      if (earlier.fingerprint !== print) throw new Refusal(ANSWERS.keyReused);
      return earlier.answer;
    }
    return this.#start(key, print);
  }

  close(): void {
    closeSync(this.#file);
  }

  #start(key: string, fingerprint: string): KeyedCall {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#inProgress.set(key, promise);
    let recorded: { entry: Remembered; at: number; bytes: number } | null = null;
    return {
      record: (effect, answer) => {
        const entry = { key, fingerprint, effect, answer };
        const line = Buffer.from(`${JSON.stringify(entry)}\n`);
        writeWhole(this.#file, line, this.#length);
        recorded = { entry, at: this.#length, bytes: line.length };
        this.#length += line.length;
        this.#lines++;
      },
      finish: (succeeded) => {
        if (recorded && succeeded) remember(this.#done, recorded.entry);
        // Without its effect the line has to go: effects of other calls will come as far. This takes no space.
        else if (recorded)
          writeSync(this.#file, Buffer.alloc(recorded.bytes - 1, BLANK), 0, null, recorded.at);
        this.#inProgress.delete(key);
        if (this.#lines > COMPACT_AT && this.#inProgress.size === 0) this.#compact();
        resolve();
      },
    };
  }

  /** Writes the file anew without the keys that are no longer remembered. */
  #compact(): void {
    closeSync(this.#file);
    writeKeys(this.#path, this.#done);
    this.#file = openSync(this.#path, OPEN_FLAGS, 0o600);
    this.#length = fstatSync(this.#file).size;
    this.#lines = this.#done.size;
  }
}

/** What tells one request from another: method, path, query and body. */
export function fingerprintOf(method: string, path: string, query: string, body: Uint8Array): string {
  return createHash('sha256').update(`${method} ${path}?${query}\n`).update(body).digest('base64');
}

/** Writes the remembered keys whole or not at all. */
function writeKeys(path: string, done: ReadonlyMap<string, Remembered>): void {
  const lines = [...done.values()].map((entry) => `${JSON.stringify(entry)}\n`);
  writeFileSync(`${path}.new`, lines.join(''), { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

function remember(done: Map<string, Remembered>, entry: Remembered): void {
  done.delete(entry.key);
  done.set(entry.key, entry);
  if (done.size > MAX_KEYS) done.delete(done.keys().next().value!);
}
