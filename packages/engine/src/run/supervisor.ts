import type { RunLimits, RunResult } from '../engine.ts';
import type { LogSink, Mask } from '../log.ts';
import { failureOf, MACHINE_LOST, type RunEnd, type StopCause } from './failure.ts';
import { SettingsTooLargeError } from './settings.ts';
import type { SidecarSummary } from './sidecar.ts';
import type { SidecarKeeper } from './sidecar-keeper.ts';

/** Time between SIGTERM and SIGKILL (container-api.md 8.7). */
const STOP_GRACE_MS = 10_000;

/** How a connector ended, whatever it ran in. */
export type ConnectorEnd =
  | {
      readonly kind: 'exited';
      readonly exitCode: number;
      readonly signal: string | null;
      /** The kernel killed it, or a part of it, for its memory. */
      readonly outOfMemory?: boolean;
    }
  | {
      readonly kind: 'start-failed';
      readonly notFound: boolean;
      /** The program as it was named; needed where it was not found. */
      readonly word?: string;
      /** Without a full stop. */
      readonly cause: string;
    }
  /** What it ran in has gone, and with it how it ended. */
  | { readonly kind: 'lost' };

/** A connector that is running. */
export interface RunningConnector {
  /** Fulfilled when the main process has ended; never rejected. */
  readonly ended: Promise<ConnectorEnd>;
  /** Asks it to end. */
  terminate(): void;
  /** Ends everything of it at once. */
  kill(): unknown;
}

/** What was measured and counted until the end. */
export interface RunMeasures {
  readonly startedAt: Date | null;
  readonly cpuMs: number | null;
  readonly memoryPeakMb: number | null;
  readonly logLines: Readonly<Record<string, number>>;
  readonly sidecar: SidecarSummary | null;
}

/** Ends a connector for the reasons an engine has, remembers the first of them, and tells in the end how the run went. */
export class RunSupervisor {
  readonly #limits: RunLimits;
  readonly #log: LogSink;
  readonly #mask: Mask;
  #stopped: StopCause | null = null;
  #running: RunningConnector | null = null;
  #graceTimer: NodeJS.Timeout | undefined;

  constructor(request: { readonly limits: RunLimits; readonly log: LogSink; readonly mask: Mask }) {
    this.#limits = request.limits;
    this.#log = request.log;
    this.#mask = request.mask;
  }

  /**
   * Waits for the end of a connector: at the time limit, at a cancel and without its sidecar it is ended.
   *
   * @param runningMs for how long it has been running already
   */
  async supervise(
    running: RunningConnector,
    keeper: SidecarKeeper | undefined,
    signal: AbortSignal,
    runningMs = 0,
  ): Promise<ConnectorEnd> {
    this.#running = running;
    const seconds = this.#limits.timeoutSeconds;
    const cancel = () => this.stop({ kind: 'cancelled' }, 'gently');
    const timeLimit = setTimeout(
      () => this.stop({ kind: 'timeout', seconds }, 'gently'),
      Math.max(0, seconds * 1000 - runningMs),
    );
    keeper?.givenUp.then(() => this.stop({ kind: 'sidecar' }, 'at once'));
    signal.addEventListener('abort', cancel, { once: true });
    if (signal.aborted) cancel();
    const end = await running.ended;
    clearTimeout(timeLimit);
    clearTimeout(this.#graceTimer);
    signal.removeEventListener('abort', cancel);
    if (end.kind === 'exited' && end.outOfMemory) {
      this.#stopped ??= { kind: 'memory', limitMb: this.#limits.memoryMb };
    }
    return end;
  }

  /** Ends the connector; the first cause stays. */
  stop(cause: StopCause, how: 'gently' | 'at once'): void {
    const first = this.#stopped === null;
    this.#stopped ??= cause;
    if (how === 'at once') {
      // Also while a cancelled run is given its time: a limit that is passed leaves none.
      void this.#running?.kill();
      return;
    }
    if (!first) return;
    this.#running?.terminate();
    this.#graceTimer = setTimeout(() => void this.#running?.kill(), STOP_GRACE_MS);
  }

  /** Whether the connector has been ended from here. */
  get hasStopped(): boolean {
    return this.#stopped !== null;
  }

  /** Notes that a run was cancelled before or after its connector ran. */
  noteCancelled(): void {
    this.#stopped = { kind: 'cancelled' };
  }

  /** After exit code 0 storage processes may finish, without a time limit; after any other end they are stopped. */
  async finishProcesses(
    keeper: SidecarKeeper | undefined,
    end: ConnectorEnd,
    signal: AbortSignal,
  ): Promise<void> {
    const succeeded = this.#stopped === null && end.kind === 'exited' && end.exitCode === 0;
    await (await keeper?.ready())?.finishProcesses(succeeded ? signal : AbortSignal.abort());
    if (succeeded && signal.aborted) this.noteCancelled();
  }

  /** Chooses the one reason of the run's end, and logs it. */
  async result(
    outcome: ConnectorEnd | Error,
    commandLine: string,
    measures: RunMeasures,
  ): Promise<RunResult> {
    const exited = !(outcome instanceof Error) && outcome.kind === 'exited' ? outcome : null;
    const lost = !(outcome instanceof Error) && outcome.kind === 'lost';
    const { sidecar } = measures;
    const end: RunEnd = {
      stopped: this.#stopped,
      started: exited !== null,
      startFailure: startFailureOf(outcome),
      settingsTooLarge: outcome instanceof SettingsTooLargeError,
      exitCode: exited?.exitCode ?? null,
      signal: exited?.signal ?? null,
      outputFailed: sidecar?.outputFailed ?? false,
      outputRefusedStatus: sidecar?.outputRefusedStatus ?? null,
      failedProcess: sidecar?.failedProcess ?? null,
    };
    // What takes the connector along takes its sidecar too, and that may be seen first.
    const isLost = lost && (this.#stopped === null || this.#stopped.kind === 'sidecar');
    const failure = isLost ? MACHINE_LOST : failureOf(end);
    if (failure) await this.#log('error', 'engine', this.#mask(failure.reason));
    return {
      state: failure === null ? 'finished' : failure.origin === 'cancelled' ? 'cancelled' : 'failed',
      exitCode: end.exitCode,
      failure: failure && { ...failure, reason: this.#mask(failure.reason) },
      commandLine,
      startedAt: exited === null && !lost ? null : measures.startedAt,
      finishedAt: new Date(),
      cpuMs: measures.cpuMs,
      memoryPeakMb: measures.memoryPeakMb,
      logLines: measures.logLines,
      sidecar,
    };
  }
}

function startFailureOf(outcome: ConnectorEnd | Error): RunEnd['startFailure'] {
  // Texts end with a full stop of the contract's own.
  if (outcome instanceof Error)
    return { kind: 'failed', word: '', cause: outcome.message.replace(/\.+$/, '') };
  if (outcome.kind !== 'start-failed') return null;
  const { notFound, word = '', cause } = outcome;
  return { kind: notFound ? 'not-found' : 'failed', word, cause };
}
