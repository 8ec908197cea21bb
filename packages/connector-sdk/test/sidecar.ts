import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

const PROGRAM = join(import.meta.dirname, '../../container-api/test/sidecar-process.ts');

/** A Container API in a process of its own, to be killed and started again on the folder of its run. */
export class Sidecar {
  readonly #folder: string;
  readonly #type: string;
  #child: ChildProcess | undefined;

  constructor(folder: string, type: string) {
    this.#folder = folder;
    this.#type = type;
  }

  /** Starts it and gives its port. */
  start(port = 0): Promise<number> {
    return new Promise((resolve, reject) => {
      const child = fork(PROGRAM, [this.#folder, this.#type, String(port)]);
      this.#child = child;
      child.once('message', (message: { port: number }) => resolve(message.port));
      child.once('exit', (code) => reject(new Error(`The sidecar ended with ${code}`)));
    });
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}
