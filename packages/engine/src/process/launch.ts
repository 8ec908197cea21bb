import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { signalGroup } from '../child.ts';
import { signalNumber, signalOfExitCode } from '../run/failure.ts';
import { ProcessTree } from './process-tree.ts';

/** How a started process ended. */
export type LaunchEnd =
  | { readonly kind: 'exited'; readonly exitCode: number; readonly signal: string | null }
  | { readonly kind: 'start-failed'; readonly notFound: boolean; readonly cause: string };

/** A connector (or health check, or installation) that is running. */
export interface Launched {
  /** Process id on this machine; of the sandbox where there is one. */
  readonly pid: number;
  readonly tree: ProcessTree;
  /** Fulfilled as soon as the main process has ended; never rejected. */
  readonly ended: Promise<LaunchEnd>;
  /** SIGTERM to the process group of the connector. */
  terminate(): void;
  /** Ends everything at once. */
  kill(): Promise<void>;
}

export interface LaunchRequest {
  /** Program and arguments; the program as an absolute path. */
  readonly words: readonly string[];
  /** Name the program is called by. */
  readonly name: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly workingFolder: string;
  /** File descriptors of the streams. */
  readonly stdout: number;
  readonly stderr: number;
  readonly runId: string;
  /** Largest file that may be written, in bytes. */
  readonly fileBytes: number;
  /** Path of prlimit(1), or null where there is none. */
  readonly prlimit: string | null;
}

/** Starts a program directly, in a process group of its own. */
export function launchPlain(request: LaunchRequest): Launched {
  const [program = '', ...args] = request.words;
  const child = spawnSafely(program, args, {
    argv0: request.name,
    cwd: request.workingFolder,
    env: { ...request.environment },
    detached: true,
    stdio: ['ignore', request.stdout, request.stderr],
  });
  if ('cause' in child) return notStarted(Promise.resolve(startFailure(child.cause)), request.runId);
  const pid = child.pid;
  if (pid === undefined) return notStarted(endOf(child), request.runId);
  const tree = new ProcessTree(pid, request.runId);
  if (request.prlimit !== null) limitFileSize(request.prlimit, pid, request.fileBytes);
  return {
    pid,
    tree,
    ended: endOf(child),
    terminate: () => signalGroup(pid, 'SIGTERM'),
    kill: () => tree.killAll(),
  };
}

/** How a sandbox is started. */
export interface SandboxLaunch {
  readonly bwrap: string;
  readonly args: readonly string[];
  /** Whether the launcher stands between the sandbox and the program; it reports failed starts itself. */
  readonly launcher: boolean;
}

/**
 * Starts a program inside bubblewrap. Everything about the sandbox, its environment above all, goes through a pipe:
 * command lines are visible to every user of the machine.
 */
export function launchSandboxed(
  request: Omit<LaunchRequest, 'environment'>,
  sandbox: SandboxLaunch,
): Launched {
  // Arguments are separated by zero bytes in the pipe: one inside a value would begin an argument of its own.
  if ([...sandbox.args, ...request.words].some((word) => word.includes('\0'))) {
    return notStarted(Promise.resolve(startFailure(ZERO_BYTE)), request.runId);
  }
  const bwrap = [sandbox.bwrap, '--json-status-fd', '3', '--args', '4', '--', ...request.words];
  const limited =
    request.prlimit === null
      ? bwrap
      : [request.prlimit, `--fsize=${request.fileBytes}`, '--core=0', '--', ...bwrap];
  const [program = '', ...args] = limited;
  const child = spawnSafely(program, args, {
    cwd: '/',
    env: {},
    detached: true,
    stdio: ['ignore', request.stdout, request.stderr, 'pipe', 'pipe', sandbox.launcher ? 'pipe' : 'ignore'],
  });
  if ('cause' in child) return notStarted(Promise.resolve(startFailure(child.cause)), request.runId);
  const pid = child.pid;
  if (pid === undefined) return notStarted(endOf(child), request.runId);
  const tree = new ProcessTree(pid, request.runId, sandbox.launcher ? 3 : 2);
  const status = new SandboxStatus(child);
  const input = child.stdio[4] as Writable;
  // bwrap that fails at once closes the pipe; its end says why.
  input.on('error', () => {});
  input.end(sandbox.args.map((word) => `${word}\0`).join(''));
  return {
    pid,
    tree,
    ended: endOf(child).then((end) => status.refine(end)),
    // bwrap makes a session of its own inside; its first process leads the group of the connector.
    terminate: () => void status.first.then((first) => first !== null && signalGroup(first, 'SIGTERM')),
    kill: async () => {
      const first = await status.first;
      // With the first process of its namespace everything inside dies.
      signalProcess(first ?? pid, 'SIGKILL');
      if (first === null) signalGroup(pid, 'SIGKILL');
    },
  };
}

/** What bwrap tells about its child, and the launcher about a program that did not start. */
class SandboxStatus {
  /** Process id (of the machine) of the first process inside; null when there never was one. */
  readonly first: Promise<number | null>;
  #status = '';
  #report = '';

  constructor(child: ChildProcess) {
    const { promise, resolve } = Promise.withResolvers<number | null>();
    this.first = promise;
    const streams: readonly unknown[] = child.stdio;
    (streams[3] as Readable).setEncoding('utf8').on('data', (text: string) => {
      this.#status += text;
      const match = /"child-pid": (\d+)/.exec(this.#status);
      if (match) resolve(Number(match[1]));
    });
    (streams[5] as Readable | null)?.setEncoding('utf8').on('data', (text: string) => {
      if (this.#report.length < 1000) this.#report += text;
    });
    child.once('close', () => resolve(null));
    child.once('error', () => resolve(null));
  }

  /** bwrap leaves the exit code out of its status when the program was never started. */
  refine(end: LaunchEnd): LaunchEnd {
    if (end.kind !== 'exited') return end;
    const report = /"cause":"([^"]+)"/.exec(this.#report)?.[1];
    if (report !== undefined) return startFailure(report);
    const code = /"exit-code": (\d+)/.exec(this.#status)?.[1];
    // Ended by a signal of ours before it could say anything.
    if (end.signal !== null) return end;
    if (code === undefined && end.exitCode !== 0 && signalOfExitCode(end.exitCode) === null) {
      return { kind: 'start-failed', notFound: false, cause: 'the sandbox did not start the program' };
    }
    const exitCode = code === undefined ? end.exitCode : Number(code);
    return { kind: 'exited', exitCode, signal: signalOfExitCode(exitCode) };
  }
}

function endOf(child: ChildProcess): Promise<LaunchEnd> {
  const { promise, resolve } = Promise.withResolvers<LaunchEnd>();
  child.once('error', (error: NodeJS.ErrnoException) => resolve(startFailure(error.code ?? error.message)));
  // 'close' rather than 'exit': the pipes of the sandbox's status are read to their end by then.
  child.once('close', (code, signal) => {
    if (code === null && signal === null) return;
    resolve({ kind: 'exited', exitCode: code ?? 128 + signalNumber(signal!), signal });
  });
  return promise;
}

const ZERO_BYTE = 'a setting holds a zero byte';

const CAUSES: Record<string, string> = {
  ENOENT: 'its interpreter was not found',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ENOEXEC: 'it is no program for this machine',
  E2BIG: 'its arguments are too long',
  ENOMEM: 'the machine has too little memory',
  EAGAIN: 'the machine has too many processes',
};

function startFailure(code: string): LaunchEnd {
  return { kind: 'start-failed', notFound: false, cause: CAUSES[code] ?? code };
}

/** A process that never came to be. There is no id to signal: -1 would mean every process of the machine. */
function notStarted(ended: Promise<LaunchEnd>, runId: string): Launched {
  const tree = new ProcessTree(-1, runId);
  return { pid: -1, tree, ended, terminate: () => {}, kill: async () => {} };
}

/** Node throws for texts that no process can be given, instead of reporting them like other failures. */
function spawnSafely(
  program: string,
  args: string[],
  options: SpawnOptions,
): ChildProcess | { cause: string } {
  try {
    return spawn(program, args, options);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_INVALID_ARG_VALUE') return { cause: ZERO_BYTE };
    return { cause: CAUSES[code ?? ''] ?? message };
  }
}

/** Applies to the running process and all its later children; a moment after the start, which nobody can use. */
function limitFileSize(prlimit: string, pid: number, bytes: number): void {
  const child = spawn(prlimit, ['--pid', String(pid), `--fsize=${bytes}`, '--core=0'], {
    stdio: 'ignore',
    env: {},
  });
  child.once('error', () => {});
}

function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // Gone already.
  }
}
