import { type ChildProcess, spawn } from 'node:child_process';
import { LineSplitter } from './run/line-splitter.ts';

/** A program of ours (git, npm, pip, cp …) that is run to its end. */
export interface ChildCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly cwd?: string;
  /** The complete environment: nothing of the server's own is added. */
  readonly env: Record<string, string>;
  readonly signal?: AbortSignal | undefined;
  readonly timeoutMs?: number | undefined;
  /** Text for standard input; otherwise it is empty. */
  readonly input?: string;
  /** Each line of output as it comes. A line longer than 16 KiB arrives in pieces. */
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
}

/** How such a program ended. */
export interface ChildEnd {
  /** Exit code, or 128 + signal number as a shell would say. 127 when the program could not be started. */
  readonly code: number;
  readonly timedOut: boolean;
  /** Why the program could not be started, for instance `ENOENT`. */
  readonly startError?: string;
}

const KILL_GRACE_MS = 2_000;
const SIGNAL_NUMBERS: Record<string, number> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 };

/** Sends a signal to a whole process group; one that is already gone is no error. */
export function signalGroup(pid: number, signal: NodeJS.Signals): boolean {
  // 0 and 1 would name our own group and every process there is.
  if (pid <= 1) return false;
  try {
    process.kill(-pid, signal);
    return true;
  } catch {
    return false;
  }
}

/**
 * Runs a program in a process group of its own, without a shell, and waits for its end. Abort and time-out end the
 * whole group: SIGTERM, and SIGKILL two seconds later. What the program leaves behind is killed too, because it
 * would hold the pipes open.
 *
 * @throws the abort reason when `signal` fired; everything else is told by the returned {@link ChildEnd}
 */
export async function runChild(command: ChildCommand): Promise<ChildEnd> {
  command.signal?.throwIfAborted();
  const child = spawn(command.file, [...command.args], {
    cwd: command.cwd,
    env: command.env,
    detached: true,
    stdio: [command.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  if (child.stdin) {
    // A program that does not read its input closes the pipe: no error of ours.
    child.stdin.on('error', () => {});
    child.stdin.end(command.input);
  }
  const timers: NodeJS.Timeout[] = [];
  const endGroup = () => {
    if (child.pid === undefined) return;
    const pid = child.pid;
    signalGroup(pid, 'SIGTERM');
    timers.push(setTimeout(() => signalGroup(pid, 'SIGKILL'), KILL_GRACE_MS));
  };
  let timedOut = false;
  if (command.timeoutMs !== undefined) {
    timers.push(
      setTimeout(() => {
        timedOut = true;
        endGroup();
      }, command.timeoutMs),
    );
  }
  command.signal?.addEventListener('abort', endGroup, { once: true });
  try {
    const end = await waitForEnd(child, command);
    command.signal?.throwIfAborted();
    return { ...end, timedOut };
  } finally {
    command.signal?.removeEventListener('abort', endGroup);
    for (const timer of timers) clearTimeout(timer);
  }
}

function waitForEnd(child: ChildProcess, command: ChildCommand): Promise<Omit<ChildEnd, 'timedOut'>> {
  const { promise, resolve } = Promise.withResolvers<Omit<ChildEnd, 'timedOut'>>();
  for (const name of ['stdout', 'stderr'] as const) {
    const splitter = new LineSplitter((line) => command.onLine?.(name, line));
    child[name]?.on('data', (chunk: Buffer) => splitter.write(chunk));
    child[name]?.on('end', () => splitter.end());
  }
  child.once('error', (error: NodeJS.ErrnoException) => {
    resolve({ code: 127, startError: error.code ?? error.message });
  });
  child.once('exit', () => {
    if (child.pid !== undefined) signalGroup(child.pid, 'SIGKILL');
  });
  child.once('close', (code, signal) => {
    resolve({ code: code ?? 128 + (SIGNAL_NUMBERS[signal ?? ''] ?? 0) });
  });
  return promise;
}
