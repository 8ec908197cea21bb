import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeJsonFile } from '@slipway/records';
import { type ContainerApi, startContainerApi } from '../container-api.ts';
import { takeLogLines } from './log-lines.ts';
import { type PreparedRun, prepareRun } from './prepare-run.ts';
import { parseRunConfig, type RunConfig, RunConfigError } from './run-config.ts';
import { writeStateFile } from './state-file.ts';
import { type WrittenSummary, writtenSummary } from './summary.ts';
import { writeOutputs } from './write-outputs.ts';

/** Log lines that were sent before the end get so long to arrive, in milliseconds. */
const LOG_SETTLE_MS = 2000;

/** Exit codes of the commands (product.md 8.2). */
export const EXIT = { well: 0, failed: 1, wrongUse: 2 } as const;

/** What a sidecar needs of its process. */
export interface SidecarProcess {
  /** Takes a line for whoever started the sidecar: one JSON object. */
  readonly say: (line: string) => void;
  /** Takes what went wrong, for people. */
  readonly complain: (text: string) => void;
  readonly environment: NodeJS.ProcessEnv;
  /** Log lines come from here, where the configuration says so. */
  readonly stdin: Readable;
  /** Aborted when the run is over: the results are written. */
  readonly finish: AbortSignal;
  /** Aborted when the run is given up; after {@link finish} it stops what is still waited for. */
  readonly cancel: AbortSignal;
}

/**
 * Serves the Container API of one run in a process of its own, from its configuration to its end.
 *
 * It says `{"event":"listening",…}` when every endpoint answers and `{"event":"ended",…}` with the summary when all
 * results are in their places. Killed at any moment and started again with the same configuration, it goes on.
 *
 * @param configFile path of the configuration
 * @returns the exit code
 */
export async function serveRun(configFile: string, sidecar: SidecarProcess): Promise<number> {
  const path = resolve(configFile);
  let config: RunConfig;
  let prepared: PreparedRun;
  try {
    config = parseRunConfig(await readConfig(path), path);
    prepared = await prepareRun(config, dirname(path), sidecar.environment);
  } catch (error) {
    if (error instanceof RunConfigError) {
      sidecar.complain(error.message);
      return EXIT.wrongUse;
    }
    sidecar.complain(`The run could not be prepared: ${(error as Error).message}`);
    return EXIT.failed;
  }
  const listen = { host: config.listen?.host ?? '127.0.0.1', port: config.listen?.port ?? 0 };
  let api: ContainerApi;
  try {
    api = await startContainerApi(prepared.context, listen);
  } catch (error) {
    sidecar.complain(
      `The Container API could not be started: ${causeOf(error, `${listen.host}:${listen.port}`)}`,
    );
    return EXIT.failed;
  }
  const lines = config['log-lines-from-stdin'] ? takeLogLines(sidecar.stdin, api.log) : null;
  sidecar.say(JSON.stringify({ event: 'listening', url: api.url, port: api.port, ...shown(prepared) }));
  await aborted(AbortSignal.any([sidecar.finish, sidecar.cancel]));
  if (lines) await Promise.race([lines, sleep(LOG_SETTLE_MS, null, { ref: false })]);
  try {
    const summary = await end(api, prepared, config, sidecar.cancel);
    sidecar.say(JSON.stringify({ event: 'ended', ...summary }));
    return summary.state === 'failed' ? EXIT.failed : EXIT.well;
  } catch (error) {
    sidecar.complain(`The results could not be written: ${(error as Error).message}`);
    return EXIT.failed;
  }
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new RunConfigError(`${path} can not be read: ${(error as Error).message}`);
  }
}

/** Ends a run in order: no more rows, storage processes over, results in their places, and last the summary. */
async function end(
  api: ContainerApi,
  { context, folder, at }: PreparedRun,
  config: RunConfig,
  cancel: AbortSignal,
): Promise<WrittenSummary> {
  await api.closeOutputs();
  await api.finishProcesses(cancel);
  const summary = writtenSummary(api.summary(), cancel.aborted);
  await api.close();
  const place = (path: string | undefined) => (path === undefined ? undefined : at(path));
  const { output, feedback, log } = config.outputs ?? {};
  await writeOutputs(folder, { output: place(output), feedback: place(feedback), log: place(log) });
  if (config['state-file'] !== undefined) {
    await writeStateFile(at(config['state-file']), folder, summary.state === 'finished');
  }
  await writeJsonFile(folder.summary, { ...summary, 'ended-at': context.now().toISOString() });
  return summary;
}

/** What whoever starts the connector has to know. */
const shown = ({ context, folder }: PreparedRun) => ({
  'run-id': context.runId,
  'exchange-folder': folder.exchange,
});

const aborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });

function causeOf(error: unknown, address: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `the address ${address} is in use.`;
  if (code === 'EACCES')
    return `the address ${address} may not be listened on, or a folder may not be written.`;
  return message;
}
