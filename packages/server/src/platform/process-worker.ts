import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { announce } from '../events/signals.ts';
import { handsOf, isUnattended } from '../jobs/hands.ts';
import { repeat } from '../jobs/repeat.ts';
import { watchCancel } from '../jobs/watch-cancel.ts';
import { systemContext } from '../operations/system-context.ts';
import { cancelRunsOf } from '../runs/cancel-run.ts';
import { executeRun } from '../runs/execute-run.ts';
import { isEnded } from '../runs/run-state.ts';
import type { Services } from '../services.ts';
import { endProcess, type ProcessEnd } from './end-process.ts';
import type { ClaimedProcess } from './import-parts.ts';
import { importSite } from './import-site.ts';

/** Processes that one worker works on at the same time; what they run is limited by itself. */
const processesAtOnce = 16;
/** First try and two more after a worker was lost (product.md 2.10). */
const mostAttempts = 3;

export interface Worker {
  /** Gives the work in hand back: another worker goes on with it. */
  stop(): Promise<void>;
}

/** Works on the queue `process`, and looks for processes without a worker at once and every minute. */
export async function startProcessWorker(services: Services): Promise<Worker> {
  const stopping = new AbortController();
  const inHand = new Set<Promise<void>>();
  await services.jobs.work('process', processesAtOnce, async (id) => {
    const work = workOnProcess(services, id, stopping.signal);
    inHand.add(work);
    await work.finally(() => inHand.delete(work));
  });
  const recovery = repeat(60_000, () => recoverProcesses(services), services.log);
  return {
    async stop() {
      stopping.abort();
      await recovery.stop();
      await Promise.allSettled(inHand);
    },
  };
}

/**
 * Works on one process to its end. Nothing happens when it can not be claimed: it has ended, somebody else works on it,
 * or another process of the site runs, which will wake us again.
 *
 * @param stopping aborted when this worker ends; the process stays as it is then, for another worker
 */
async function workOnProcess(services: Services, id: string, stopping: AbortSignal): Promise<void> {
  const hands = handsOf(services);
  if (stopping.aborted || hands.has(id)) return;
  hands.add(id);
  try {
    await claimAndWork(services, id, stopping);
  } finally {
    hands.delete(id);
  }
}

async function claimAndWork(services: Services, id: string, stopping: AbortSignal): Promise<void> {
  const process = await claim(services, id);
  if (!process) return;
  const context = systemContext(services);
  try {
    await endProcess(context, process.id, await work(context, process, stopping));
  } catch (error) {
    if (stopping.aborted) return;
    services.log.error({ err: error, process: id }, 'a process could not be finished');
    await endProcess(context, id, { status: 'failed', reason: 'The process could not be finished.' });
  }
}

async function work(context: Context, process: ClaimedProcess, stopping: AbortSignal): Promise<ProcessEnd> {
  if (process.attempts > mostAttempts) {
    await context.db.transaction().execute((db) => cancelRunsOf(db, process.id));
    return { status: 'failed', reason: 'The worker was lost and the process could not be resumed.' };
  }
  const cancel = new AbortController();
  const watching = watchCancel(context.services, 'processes', process.id, cancel);
  try {
    if (process.action === 'run') return await runByHand(context, process.id, stopping);
    return await importSite(context, process, { stopping, cancelled: cancel.signal });
  } finally {
    watching.stop();
  }
}

/** A manual run or replay: its output stays with the run. */
async function runByHand(context: Context, processId: string, stopping: AbortSignal): Promise<ProcessEnd> {
  const runs = await context.db.selectFrom('runs').select('id').where('process_id', '=', processId).execute();
  const run = runs[0];
  if (!run) throw new Error(`Process ${processId} has no run.`);
  const { state, failure } = await executeRun(context.services, run.id, stopping);
  // The worker stops before the run has begun: both stay as they are, for another one.
  if (!isEnded(state)) stopping.throwIfAborted();
  if (state === 'finished') return { status: 'success', reason: null };
  return { status: 'failed', reason: state === 'cancelled' ? 'cancelled' : (failure?.reason ?? null) };
}

/** The row is the truth: whoever can make it `running` works on it. */
async function claim(services: Services, id: string): Promise<ClaimedProcess | null> {
  const { db, workerId } = services;
  try {
    const { rows } = await sql<ClaimedProcess>`
      UPDATE processes SET status = 'running', worker_id = ${workerId}, attempts = attempts + 1,
        started_at = coalesce(started_at, now())
      WHERE id = ${id} AND (status = 'queued' OR (status = 'running' AND (worker_id = ${workerId} OR ${isUnattended(services, sql.ref('worker_id'), sql.ref('id'))})))
      RETURNING id, site_id AS site, action, attempts, steps`.execute(db);
    const claimed = rows[0] ?? null;
    if (claimed) await db.transaction().execute((work) => announce(work, id));
    return claimed;
  } catch (error) {
    // Another process of the site runs; when it ends, it wakes the one that waits.
    if ((error as { constraint?: string }).constraint === 'processes_one_running') return null;
    throw error;
  }
}

/**
 * Wakes workers for processes that nobody works on: queued ones whose job was lost with its worker, and running ones of
 * a dead worker.
 */
export async function recoverProcesses(services: Services): Promise<void> {
  const { db, jobs } = services;
  await db.transaction().execute(async (work) => {
    const { rows } = await sql<{ id: string }>`
      SELECT id FROM processes WHERE status IN ('queued', 'running')
        AND (status = 'queued' OR ${isUnattended(services, sql.ref('worker_id'), sql.ref('id'))})
      ORDER BY created_at`.execute(work);
    for (const { id } of rows) await jobs.send(work, 'process', id);
  });
}
