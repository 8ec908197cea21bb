import { rm } from 'node:fs/promises';
import type { RunResult } from '../engine.ts';
import type { LogSink } from '../log.ts';
import { MACHINE_LOST } from '../run/failure.ts';
import { freshProcessTable } from './process-table.ts';
import { marked, ProcessTree } from './process-tree.ts';
import { type RunRecord, readRunRecord, runFolderPath } from './run-folder.ts';

/**
 * Takes up a run that a dead server process left behind. Its pipes died with the server and nothing can be attached
 * to them again, so what remains of the connector is killed and the run is lost. Log lines that were handed over
 * before stay with the caller.
 *
 * @returns null when this machine knows nothing of the run
 */
export async function adoptRun(workFolder: string, runId: string, log: LogSink): Promise<RunResult | null> {
  const root = runFolderPath(workFolder, runId);
  const record = await killRecorded(root, runId);
  if (!record) return null;
  await log('error', 'engine', MACHINE_LOST.reason);
  await rm(root, { recursive: true, force: true });
  return {
    state: 'failed',
    exitCode: null,
    failure: MACHINE_LOST,
    commandLine: record.commandLine,
    startedAt: new Date(record.startedAt),
    finishedAt: new Date(),
    cpuMs: null,
    memoryPeakMb: null,
    logLines: {},
    sidecar: null,
  };
}

/** Kills what is alive of a recorded run, and everything that carries its id. Answers with the record. */
export async function killRecorded(root: string, runId: string): Promise<RunRecord | null> {
  const record = await readRunRecord(root);
  const table = await freshProcessTable();
  const main = record === null ? undefined : table.get(record.pid);
  if (record && main && main.startTime === record.startTime) {
    await new ProcessTree(record.pid, runId).killAll();
  } else if (marked(table, runId).length > 0) {
    // The main process is gone, or a start was never recorded; a process id of -1 matches nobody.
    await new ProcessTree(-1, runId).killAll();
  }
  return record;
}
