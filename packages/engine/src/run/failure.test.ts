import { expect, test } from 'vitest';
import { failureOf, type RunEnd, signalOfExitCode } from './failure.ts';

const WELL: RunEnd = {
  stopped: null,
  started: true,
  startFailure: null,
  settingsTooLarge: false,
  exitCode: 0,
  signal: null,
  outputFailed: false,
  outputRefusedStatus: null,
  failedProcess: null,
};

test('a run that ended well has no failure', () => {
  expect(failureOf(WELL)).toBeNull();
});

test('of several causes the first row of the taxonomy counts', () => {
  const all: RunEnd = {
    ...WELL,
    stopped: { kind: 'cancelled' },
    exitCode: 143,
    signal: 'SIGTERM',
    outputFailed: true,
    outputRefusedStatus: 413,
    failedProcess: { id: 'p', cause: 'full' },
  };
  const origins = [
    all,
    { ...all, stopped: { kind: 'timeout', seconds: 60 } },
    { ...all, stopped: { kind: 'memory', limitMb: 64 } },
    { ...all, stopped: { kind: 'sidecar' } },
    { ...all, stopped: null },
    { ...all, stopped: null, outputFailed: false },
    { ...all, stopped: null, outputFailed: false, signal: null, exitCode: 3 },
    { ...all, stopped: null, outputFailed: false, signal: null, exitCode: 0 },
    { ...all, stopped: null, outputFailed: false, signal: null, exitCode: 0, outputRefusedStatus: null },
  ].map((end) => failureOf(end as RunEnd));
  expect(origins).toEqual([
    { origin: 'cancelled', reason: 'The run was cancelled.' },
    { origin: 'timeout', reason: 'The connector ran longer than 60 seconds.' },
    { origin: 'out-of-memory', reason: 'The connector used more than 64 MiB of memory.' },
    { origin: 'engine', reason: 'The Container API stopped working.' },
    { origin: 'engine', reason: 'The output could not be stored.' },
    { origin: 'connector', reason: 'The connector was ended by signal SIGTERM.' },
    { origin: 'connector', reason: 'The connector exited with code 3.' },
    { origin: 'connector', reason: 'A write to the output was refused with status 413.' },
    { origin: 'platform', reason: 'Process p failed: full.' },
  ]);
});

test('exit codes 129 to 159 are signals where an engine tells nothing else', () => {
  expect([129, 139, 143].map(signalOfExitCode)).toEqual(['SIGHUP', 'SIGSEGV', 'SIGTERM']);
  expect([0, 1, 128, 160, 255].map(signalOfExitCode)).toEqual([null, null, null, null, null]);
});
