import type { Container } from 'dockerode';
import { dockerMessage, statusOf } from './client.ts';

/** What the init process of a container says on stderr when it can not start the program. */
const INIT_WORDS = /^\[FATAL tini \(\d+\)\] exec (.*) failed: (.*?)\s*$/;

const CAUSES: Readonly<Record<string, string>> = {
  'No such file or directory': 'its interpreter was not found',
  'Permission denied': 'permission denied',
  'Exec format error': 'it is no program for this machine',
  'Argument list too long': 'its arguments are too long',
  'Cannot allocate memory': 'the machine has too little memory',
};

/** A program that could not be started in its container. */
export class StartFailure {
  readonly notFound: boolean;
  readonly word: string;
  /** Without a full stop. */
  readonly cause: string;

  constructor(word: string, notFound: boolean, cause: string) {
    this.word = word;
    this.notFound = notFound;
    this.cause = cause;
  }

  /** As a shell would number it. */
  get exitCode(): number {
    return this.notFound ? 127 : 126;
  }

  /** The contract's text (container-api.md 8.8). */
  get text(): string {
    return this.notFound
      ? `The command "${this.word}" was not found in the image.`
      : `The connector could not be started: ${this.cause}.`;
  }

  /** Reads why the daemon refused to start a container. */
  static ofRefusal(error: unknown, words: readonly string[]): StartFailure {
    const text = dockerMessage(error);
    const notFound = /executable file not found|no such file or directory/.test(text);
    return new StartFailure(words[0] ?? '', notFound, text.replace(/\.+$/, ''));
  }
}

/** Recognizes the words of the init process, which are the first and only ones of a program that never was. */
export class StartWatcher {
  readonly #words: readonly string[];
  #parts = 0;
  #said: string | null = null;

  constructor(words: readonly string[]) {
    this.#words = words;
  }

  /** Begins anew, for output that is read from its beginning again. */
  reset(): void {
    this.#parts = 0;
  }

  /** @returns whether the part belongs to the init process and not to the connector */
  take(stream: 'stdout' | 'stderr', bytes: Buffer): boolean {
    this.#parts += 1;
    if (this.#parts > 1 || stream !== 'stderr' || bytes[0] !== 0x5b) return false;
    const match = INIT_WORDS.exec(bytes.toString());
    if (match?.[1] !== this.#words[0]) return false;
    this.#said = match?.[2] ?? '';
    return true;
  }

  /** Why the program of an ended container never started; null when it did. */
  async failure(container: Container, exitCode: number): Promise<StartFailure | null> {
    if (this.#said === null || exitCode === 0) return null;
    const word = this.#words[0] ?? '';
    const missing = this.#said === 'No such file or directory' && !(await isInside(container, word));
    return new StartFailure(word, missing, CAUSES[this.#said] ?? this.#said);
  }
}

/** Whether a container has a program: then it is its interpreter that is missing. */
async function isInside(container: Container, word: string): Promise<boolean> {
  const { Config } = await container.inspect();
  const path = Config.Env.find((entry) => entry.startsWith('PATH='))?.slice('PATH='.length) ?? '';
  const folders = word.includes('/') ? [Config.WorkingDir || '/'] : path.split(':');
  for (const folder of folders) {
    const place = word.startsWith('/') ? word : `${folder}/${word}`;
    try {
      await container.infoArchive({ path: place });
      return true;
    } catch (error) {
      if (statusOf(error) !== 404) throw error;
    }
  }
  return false;
}
