import { sleep } from './retry.ts';
import type { CallOptions, Client, ResultOf } from './types.ts';

type State = ResultOf<'stateShow'>;
type StateLine = ResultOf<'stateLogs'>;
type Run = ResultOf<'runShow'>;
type RunLine = ResultOf<'runLogs'>;
type Process = ResultOf<'platformProcessShow'>;

/** How long, and what to tell on the way. */
export interface WaitOptions<Line> extends Pick<CallOptions, 'signal'> {
  /** Called with each log line, in order, as it arrives. */
  onLog?: (line: Line) => void;
}

/**
 * Follows a background operation to its end.
 *
 * @param stateId as the start answered it, under `state.uuid`
 * @returns the state, `done` or `failed`; of a failed one `data` says why
 */
export async function waitForState(
  client: Client,
  stateId: string,
  { signal, onLog }: WaitOptions<StateLine> = {},
): Promise<State> {
  const options = signal ? { signal } : {};
  for await (const event of client.stateEvents({ stateId }, options).follow()) {
    if (event.event === 'log') onLog?.(event.data);
  }
  return client.stateShow({ stateId }, options);
}

/**
 * Follows a run to its end.
 *
 * @returns the run, `finished`, `failed` or `cancelled`
 */
export async function waitForRun(
  client: Client,
  runId: string,
  { signal, onLog }: WaitOptions<RunLine> = {},
): Promise<Run> {
  const options = signal ? { signal } : {};
  for await (const event of client.runLogs({ runId }, options).follow()) {
    if (event.event === 'log') onLog?.(event.data);
  }
  return client.runShow({ runId }, options);
}

const shortestPauseMs = 100;
const longestPauseMs = 2_000;

/**
 * Asks for a process of a site until it has ended: processes have no events of their own.
 *
 * @returns the process, `success` or `failed`
 */
export async function waitForProcess(
  client: Client,
  siteId: number,
  processId: string,
  { signal }: Pick<CallOptions, 'signal'> = {},
): Promise<Process> {
  const options = signal ? { signal } : {};
  for (let pause = shortestPauseMs; ; pause = Math.min(longestPauseMs, pause * 1.2)) {
    const process = await client.platformProcessShow({ siteId, processId }, options);
    if (process.status === 'success' || process.status === 'failed') return process;
    await sleep(pause, signal);
  }
}
