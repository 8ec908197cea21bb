import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** A server under measurement, in a process of its own so that the load does not share its event loop. */
export interface Target<T> {
  /** What the target sent when it was ready. */
  ready: T;
  pid: number;
  stop(): Promise<void>;
}

/** Starts `bench/targets/<name>.ts`; it sends one message when it is ready and ends when the channel closes. */
export async function startTarget<T>(
  name: string,
  environment: Record<string, string> = {},
): Promise<Target<T>> {
  const child: ChildProcess = fork(fileURLToPath(new URL(`./${name}.ts`, import.meta.url)), {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const ready = await new Promise<T>((resolve, reject) => {
    child.once('message', (message) => resolve(message as T));
    child.once('exit', (code) => reject(new Error(`${name} ended with ${code}`)));
  });
  return {
    ready,
    pid: child.pid as number,
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve());
        if (child.connected) child.disconnect();
        else child.kill();
      }),
  };
}

/** Tells the bench that this process is ready, and runs `stop` when the bench lets go. */
export function ready(message: unknown, stop: () => Promise<unknown>): void {
  process.once('disconnect', async () => {
    await stop();
    process.exit(0);
  });
  process.send?.(message);
}
