import { setTimeout } from 'node:timers/promises';
import { messages } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { Refusal, refusalText } from '../errors.ts';
import { writeEntries } from '../events/log-store.ts';
import { handsOf } from '../jobs/hands.ts';
import type { Queue } from '../jobs/jobs.ts';
import type { Services } from '../services.ts';
import type { VersionRow } from '../versions/store.ts';
import {
  ActionEnded,
  ActionError,
  type ActionFailure,
  type ActionKind,
  type ActionRun,
  type ClaimedAction,
} from './action.ts';
import { claim, nextBuild, release } from './claim.ts';
import { kinds } from './kinds.ts';
import { systemContext } from './system-context.ts';
import { failAction, lockAction } from './transitions.ts';

/** How soon a worker notices that its operation was cancelled. */
const lookMs = 1000;
/** How long it goes on trying to record how an operation ended; then recovery takes it up. */
const settleTries = 5;

/** The server stops: what is in hand goes back into the queue. */
class Stopping extends Error {
  override readonly name = 'Stopping';
}

export interface Worker {
  /** Takes nothing more, and gives back what is in hand. */
  stop(): Promise<void>;
}

/** Works on a queue of background operations until stopped. */
export async function startWorker(
  services: Services,
  queue: Extract<Queue, 'build' | 'state'>,
  concurrency: number,
): Promise<Worker> {
  const own = new Set<Promise<unknown>>();
  const controllers = new Set<AbortController>();
  let stopping = false;
  await services.jobs.work(queue, concurrency, async (wanted) => {
    if (stopping) return;
    const controller = new AbortController();
    controllers.add(controller);
    const work =
      queue === 'build' ? workOnNextBuild(services, controller) : workOn(services, wanted, controller);
    own.add(work);
    await work.finally(() => {
      own.delete(work);
      controllers.delete(controller);
    });
  });
  return {
    async stop() {
      stopping = true;
      for (const controller of controllers) controller.abort(new Stopping());
      await Promise.allSettled(own);
    },
  };
}

/** A job only says that a build waits; which one is decided by the order of arrival. */
async function workOnNextBuild(services: Services, controller: AbortController): Promise<void> {
  for (;;) {
    const id = await nextBuild(services);
    // Nothing waits, or another worker was quicker: then it works on what this job was sent for.
    if (id === null || (await workOn(services, id, controller))) return;
  }
}

/** Works on one operation. False when it was not to be had. */
async function workOn(services: Services, id: string, controller: AbortController): Promise<boolean> {
  const hands = handsOf(services);
  if (hands.has(id)) return false;
  hands.add(id);
  try {
    const action = await claim(services, id, kinds);
    if (!action) return false;
    const kind = kinds[action.name];
    if (kind) await performClaimed(services, action, kind, controller);
    return true;
  } finally {
    hands.delete(id);
  }
}

async function performClaimed(
  services: Services,
  action: ClaimedAction,
  kind: ActionKind,
  controller: AbortController,
): Promise<void> {
  const run: ActionRun = {
    services,
    action,
    signal: controller.signal,
    step: kind.firstStep,
    transaction: (work) => ownTransaction(services, action, work),
  };
  const timer = setInterval(() => {
    stillOurs(services, action.id)
      .then((ours) => ours || controller.abort(new ActionEnded()))
      .catch(() => {});
  }, lookMs);
  try {
    await kind.perform(run);
  } catch (error) {
    await endBadly(services, run, kind, error);
  } finally {
    clearInterval(timer);
  }
}

async function stillOurs({ db, workerId }: Services, id: string): Promise<boolean> {
  const row = await db
    .selectFrom('states')
    .select('id')
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .where('worker_id', '=', workerId)
    .executeTakeFirst();
  return row !== undefined;
}

function ownTransaction<T>(
  services: Services,
  action: ClaimedAction,
  work: (work: Context & { db: Work }, version: VersionRow) => Promise<T>,
): Promise<T> {
  return inTransaction(systemContext(services), async (context) => {
    const locked = await lockAction(context.db, action.id);
    if (!locked?.version || locked.workerId !== services.workerId) throw new ActionEnded();
    return work(context, locked.version);
  });
}

/** Records how an operation failed. The database may be away for a moment, just then. */
async function endBadly(services: Services, run: ActionRun, kind: ActionKind, error: unknown): Promise<void> {
  const { log } = services;
  const { action, signal } = run;
  const reason: unknown = signal.aborted ? signal.reason : error;
  if (reason instanceof ActionEnded) return;
  const settle =
    reason instanceof Stopping
      ? () => release(services, action.id, kind)
      : () => fail(services, run, kind, failureOf(services, run, error));
  for (let tries = 1; ; tries += 1) {
    try {
      return await settle();
    } catch (problem) {
      log.warn({ err: problem, state: action.id }, 'the end of an action could not be recorded');
      if (tries >= settleTries) return;
      await setTimeout(1000 * tries);
    }
  }
}

function failureOf({ log }: Services, run: ActionRun, error: unknown): ActionFailure {
  const failure = { step: run.step, exitCode: null, cancelled: false };
  if (error instanceof ActionError) {
    return { ...failure, step: error.step, error: error.message, exitCode: error.exitCode };
  }
  // A rule that turned out to be broken while the work went on.
  if (error instanceof Refusal) return { ...failure, error: refusalText(error) };
  log.error({ err: error, state: run.action.id, step: run.step }, 'an action failed for a reason of ours');
  return { ...failure, error: messages.internal };
}

const fail = (services: Services, run: ActionRun, kind: ActionKind, failure: ActionFailure): Promise<void> =>
  inTransaction(systemContext(services), async (context) => {
    const locked = await lockAction(context.db, run.action.id);
    if (locked?.workerId !== services.workerId) return;
    if (!kind.logsFailures) {
      await writeEntries(context.db, services.settings.timeZone, locked.id, [
        { level: 'error', source: failure.step, message: failure.error },
      ]);
    }
    await failAction(context, locked, failure, kind);
  });
