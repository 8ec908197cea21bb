import { ApiServer } from './http/server.ts';
import type { RunLog } from './log/run-log.ts';
import { operations } from './operations/index.ts';
import { Run } from './run/run.ts';
import type { RunContext } from './run-context.ts';

/** Time that calls get to finish when the connector has exited (container-api.md 2.8), in milliseconds. */
const SETTLE_MS = 5000;
const REQUEST_TIMEOUT_MS = 60_000;

/** Where to listen. */
export interface ListenOptions {
  /** Address of an interface, such as `127.0.0.1`. */
  readonly host: string;
  /** 0 = any free port. */
  readonly port: number;
  /** A request of which no byte arrives for so long is given up; 60 s when left out (container-api.md 2.1). */
  readonly requestTimeoutMs?: number;
}

/** What a run has done through its Container API. */
export interface RunSummary {
  /** Rows given out per input stream, classifications included. */
  readonly rowsRead: Readonly<Record<string, number>>;
  readonly rowsWritten: { readonly output: number; readonly feedback: number };
  /** Requests of any kind, and answers outside 200 to 299, since the sidecar was started. */
  readonly requests: number;
  readonly errors: number;
  /** Rows could not be stored: the run fails (container-api.md 2.8). */
  readonly outputFailed: boolean;
  /** Status of the first write to `output` that was refused with a 4xx other than 400 and 409: the run fails. */
  readonly outputRefusedStatus: number | null;
  /** The first storage process that failed; of several with the same store and remote path the last one counts. */
  readonly failedProcess: { readonly id: string; readonly cause: string } | null;
  /** The run has read with `show-hidden`: its output counts as it is (container-api.md 3). */
  readonly readHidden: boolean;
}

/** A Container API that is listening. */
export interface ContainerApi {
  /** For instance `http://127.0.0.1:40123`. */
  readonly url: string;
  readonly port: number;
  /** The run's log, for what the engine and the connector's own output add to it. */
  readonly log: RunLog;
  /** Waits for calls that have arrived (5 s at most), then closes both output streams. */
  closeOutputs(): Promise<void>;
  /** Waits for running storage processes; when the signal is aborted they are stopped and fail. */
  finishProcesses(signal: AbortSignal): Promise<void>;
  summary(): RunSummary;
  /** Stops listening and lets go of all files; everything written is synced. */
  close(): Promise<void>;
}

/**
 * Starts the Container API of a run. Started again with the same folder after a crash, it goes on where it was.
 *
 * @returns when every endpoint answers
 */
export async function startContainerApi(context: RunContext, listen: ListenOptions): Promise<ContainerApi> {
  const run = await Run.open(context);
  const server = new ApiServer(run, operations, listen.requestTimeoutMs ?? REQUEST_TIMEOUT_MS);
  let port: number;
  try {
    port = await server.listen(listen.host, listen.port);
  } catch (error) {
    await run.close();
    throw error;
  }
  const host = listen.host.includes(':') ? `[${listen.host}]` : listen.host;
  return {
    url: `http://${host}:${port}`,
    port,
    log: run.log,
    closeOutputs: async () => {
      await server.settle(SETTLE_MS);
      await run.closeOutputs();
    },
    finishProcesses: (signal) => run.processes.finish(signal),
    summary: () => ({
      rowsRead: Object.fromEntries(run.counters.rowsRead),
      rowsWritten: { output: run.output.rows, feedback: run.feedback.rows },
      requests: run.counters.requests,
      errors: run.counters.errors,
      outputFailed: run.facts.outputFailed,
      outputRefusedStatus: run.facts.outputRefusedStatus,
      failedProcess: run.processes.failed,
      readHidden: run.facts.readHidden,
    }),
    close: async () => {
      await server.close();
      await server.settle(SETTLE_MS);
      await run.close();
    },
  };
}
