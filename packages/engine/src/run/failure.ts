import { constants } from 'node:os';

export type FailureOrigin = 'cancelled' | 'timeout' | 'out-of-memory' | 'engine' | 'connector' | 'platform';

/** Why a run is not `finished` (container-api.md 8.8). */
export interface RunFailure {
  readonly origin: FailureOrigin;
  readonly reason: string;
}

/** Everything that can be known about the end of a run, before one reason is chosen. */
export interface RunEnd {
  /** Why the engine itself ended the connector, if it did; the first cause counts. */
  readonly stopped: StopCause | null;
  readonly started: boolean;
  /** The connector could not be started. */
  readonly startFailure: {
    readonly kind: 'not-found' | 'failed';
    readonly word: string;
    readonly cause: string;
  } | null;
  readonly settingsTooLarge: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly outputFailed: boolean;
  readonly outputRefusedStatus: number | null;
  readonly failedProcess: { readonly id: string; readonly cause: string } | null;
}

/** Reasons for which the engine ends a connector. */
export type StopCause =
  | { readonly kind: 'cancelled' }
  | { readonly kind: 'timeout'; readonly seconds: number }
  | { readonly kind: 'memory'; readonly limitMb: number }
  | { readonly kind: 'disk'; readonly limitMb: number }
  | { readonly kind: 'processes'; readonly limit: number }
  | { readonly kind: 'sidecar' };

/** The run of a worker that is gone. */
export const MACHINE_LOST: RunFailure = {
  origin: 'engine',
  reason: 'The machine that ran the connector was lost.',
};

/** Chooses origin and reason: the first row of the taxonomy that applies. Null: the run is `finished`. */
export function failureOf(end: RunEnd): RunFailure | null {
  return (
    stopFailure(end.stopped) ??
    startFailure(end) ??
    engineFailure(end) ??
    connectorFailure(end) ??
    platformFailure(end)
  );
}

function stopFailure(cause: StopCause | null): RunFailure | null {
  switch (cause?.kind) {
    case 'cancelled':
      return { origin: 'cancelled', reason: 'The run was cancelled.' };
    case 'timeout':
      return { origin: 'timeout', reason: `The connector ran longer than ${cause.seconds} seconds.` };
    case 'memory':
      return {
        origin: 'out-of-memory',
        reason: `The connector used more than ${cause.limitMb} MiB of memory.`,
      };
    case 'sidecar':
      return { origin: 'engine', reason: 'The Container API stopped working.' };
    // The taxonomy has no row for these two limits; both are the connector's doing and say what happened.
    case 'disk':
      return {
        origin: 'connector',
        reason: `The connector used more than ${cause.limitMb} MiB of disk space.`,
      };
    case 'processes':
      return { origin: 'connector', reason: `The connector used more than ${cause.limit} processes.` };
    default:
      return null;
  }
}

function startFailure(end: RunEnd): RunFailure | null {
  if (end.settingsTooLarge) {
    return { origin: 'engine', reason: 'The configuration is too large to be passed to the connector.' };
  }
  if (end.startFailure?.kind === 'not-found') {
    return {
      origin: 'connector',
      reason: `The command "${end.startFailure.word}" was not found in the image.`,
    };
  }
  if (end.startFailure) {
    return { origin: 'engine', reason: `The connector could not be started: ${end.startFailure.cause}.` };
  }
  return null;
}

function engineFailure(end: RunEnd): RunFailure | null {
  return end.outputFailed ? { origin: 'engine', reason: 'The output could not be stored.' } : null;
}

function connectorFailure(end: RunEnd): RunFailure | null {
  if (end.signal !== null) {
    return { origin: 'connector', reason: `The connector was ended by signal ${end.signal}.` };
  }
  if (end.exitCode !== 0)
    return { origin: 'connector', reason: `The connector exited with code ${end.exitCode}.` };
  if (end.outputRefusedStatus !== null) {
    return {
      origin: 'connector',
      reason: `A write to the output was refused with status ${end.outputRefusedStatus}.`,
    };
  }
  return null;
}

function platformFailure(end: RunEnd): RunFailure | null {
  if (!end.failedProcess) return null;
  return {
    origin: 'platform',
    reason: `Process ${end.failedProcess.id} failed: ${end.failedProcess.cause}.`,
  };
}

/** Number of a signal on this machine, 0 for an unknown name. */
export function signalNumber(name: string): number {
  return constants.signals[name as NodeJS.Signals] ?? 0;
}

/**
 * Reads an exit code of an engine that reports signals only as codes: 129 to 159 are signals.
 *
 * @returns the signal's name, or null when the code is an ordinary one
 */
export function signalOfExitCode(code: number): string | null {
  if (code < 129 || code > 159) return null;
  const found = Object.entries(constants.signals).find(([, number]) => number === code - 128);
  return found?.[0] ?? null;
}
