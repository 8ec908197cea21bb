import { type BackgroundAction, messages } from '@slipway/contract';
import { sql, type Updateable } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import type { ConnectorVersions } from '../database/schema.ts';
import { refused, wrongState } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { announce } from '../events/signals.ts';
import { newId } from '../ids.ts';
import type { Queue } from '../jobs/jobs.ts';
import { notifyVersion } from '../versions/notify-version.ts';
import type { VersionRow } from '../versions/store.ts';
import {
  type Action,
  isInFlight,
  isInProduction,
  type Transition,
  transitionFor,
} from '../versions/transitions.ts';
import type { ActionFailure, ActionKind } from './action.ts';

/** Background operations that move the version's state, and their rows of the state machine. */
const movers: Partial<Record<BackgroundAction, Action>> = {
  build: 'build',
  synchronize_to_dev: 'sync-dev',
  synchronize_to_prod: 'sync-prod',
};

/** Names of the operations that keep a version in flight. */
export const movingActions = Object.keys(movers) as BackgroundAction[];

/**
 * The action's way from the state of a locked version (chapter 4).
 *
 * @throws 400 T400 when the state forbids it, P400 for a build in production
 */
export function requireTransition(row: VersionRow, action: Action): Transition {
  const transition = transitionFor(action, row.state, { productionCopy: row.prod_config !== null });
  if (!transition) throw wrongState(row.state);
  if (action === 'build' && isInProduction(row)) throw refused(messages.inProduction);
  return transition;
}

/** @throws 400 T400 while background work is changing the version */
export function refuseInFlight(row: VersionRow): void {
  if (isInFlight(row.state)) throw wrongState(row.state);
}

/** What a new state records (3.6). */
export interface NewState {
  name: BackgroundAction;
  version: { id: string; connectorId: string; major: number };
  /** More keys of `config`, behind `connectorPublicId` and `majorVersion`. */
  config?: Record<string, unknown>;
  /** Present: the work was done within the request, and this is its result. */
  done?: Record<string, unknown>;
  /** Present: where the work waits. */
  queue?: Queue;
  /** Present: the version moves. */
  transition?: Transition;
}

/**
 * Starts a background operation in the transaction of the request: the state, the version in flight, the job.
 *
 * @returns the state's id
 */
export async function startAction(work: Context & { db: Work }, state: NewState): Promise<string> {
  const { version, transition } = state;
  const id = newId();
  await work.db
    .insertInto('states')
    .values({
      id,
      name: state.name,
      status: state.done ? 'done' : 'pending',
      owner_id: work.actor.id,
      connector_id: version.connectorId,
      version_id: version.id,
      major: version.major,
      config: JSON.stringify({
        connectorPublicId: version.connectorId,
        majorVersion: version.major,
        ...state.config,
      }),
      data: state.done ? JSON.stringify(state.done) : null,
      ...(state.done ? { started_at: sql<Date>`now()`, finished_at: sql<Date>`now()` } : {}),
    })
    .execute();
  if (transition?.during) {
    await setVersion(work.db, version.id, { state: transition.during, state_before: transition.from });
  }
  if (state.queue) await work.services.jobs.send(work.db, state.queue, id);
  return id;
}

/** A pending operation, and the version it works on, both locked in this order. */
export interface LockedAction {
  id: string;
  name: BackgroundAction;
  connectorId: string;
  workerId: string | null;
  step: string | null;
  /** Null when the version was deleted meanwhile. */
  version: VersionRow | null;
}

/** Locks a pending operation with its version; null when it has settled. */
export async function lockAction(db: Work, id: string): Promise<LockedAction | null> {
  const found = await db.selectFrom('states').select('version_id').where('id', '=', id).executeTakeFirst();
  if (!found) return null;
  const version = await db
    .selectFrom('connector_versions')
    .selectAll()
    .where('id', '=', found.version_id)
    .forUpdate()
    .executeTakeFirst();
  const state = await db
    .selectFrom('states')
    .select(['name', 'connector_id', 'worker_id', 'step'])
    .where('id', '=', id)
    .where('status', '=', 'pending')
    .forUpdate()
    .executeTakeFirst();
  if (!state) return null;
  return {
    id,
    name: state.name as BackgroundAction,
    connectorId: state.connector_id,
    workerId: state.worker_id,
    step: state.step,
    version: version ?? null,
  };
}

/**
 * Settles an operation as done, in its final transaction: what it made of the version, the version's next state, the
 * result.
 */
export async function finishAction(
  work: Context & { db: Work },
  action: { id: string; name: BackgroundAction },
  version: VersionRow,
  { columns = {}, data }: { columns?: Updateable<ConnectorVersions>; data: Record<string, unknown> },
): Promise<void> {
  await settle(work.db, action.id, 'done', data);
  const mover = movers[action.name];
  const next =
    mover && version.state_before !== null
      ? transitionFor(mover, version.state_before, { productionCopy: version.prod_config !== null })
      : null;
  const moved = next ? { state: next.to, state_before: null } : {};
  if (next || Object.keys(columns).length > 0) {
    await setVersion(work.db, version.id, { ...columns, ...moved });
  }
  await audit(work, settledEvent(action.name, version, next ? next.to : version.state));
  if (mover)
    await notifyVersion(
      work,
      action.name === 'build' ? 'version.built' : 'version.synchronized',
      toldAs(version),
    );
}

/**
 * Settles an operation as failed or cancelled: the version returns to where it came from, the reason stands in the state.
 *
 * @param locked out of `lockAction`, in the same transaction
 */
export async function failAction(
  work: Context & { db: Work },
  locked: LockedAction,
  failure: ActionFailure,
  kind: ActionKind | undefined,
): Promise<void> {
  await settle(work.db, locked.id, 'failed', { error: failure.error, step: failure.step });
  await kind?.onFailed?.(work.db, locked.id, failure);
  const { version } = locked;
  if (!version) return;
  const moves = movers[locked.name] !== undefined && version.state_before !== null;
  if (moves)
    await setVersion(work.db, version.id, { state: version.state_before as string, state_before: null });
  // Whoever cancelled left an event of their own.
  if (!failure.cancelled) {
    await audit(
      work,
      settledEvent(
        locked.name,
        version,
        moves ? (version.state_before as string) : version.state,
        failure.error,
      ),
    );
    if (locked.name === 'build') await notifyVersion(work, 'version.build-failed', toldAs(version));
  }
}

const toldAs = ({ id, connector_id }: VersionRow) => ({ id, connectorId: connector_id });

const settledEvent = (name: BackgroundAction, version: VersionRow, state: string, error?: string) => ({
  action: `system.${name}`,
  entity: { type: 'connector-version', id: `${version.connector_id}/${version.major}`, name: version.name },
  connector: version.connector_id,
  changes: [
    ...(state === version.state ? [] : [{ path: 'state', from: version.state, to: state }]),
    ...(error === undefined ? [] : [{ path: 'error', from: null, to: error }]),
  ],
});

async function settle(
  db: Work,
  id: string,
  status: 'done' | 'failed',
  data: Record<string, unknown>,
): Promise<void> {
  await db
    .updateTable('states')
    .set({ status, data: JSON.stringify(data), worker_id: null, finished_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();
  await announce(db, id);
}

/** Columns of a version that background work sets; whatever it is, the version has changed. */
export async function setVersion(
  db: Work,
  versionId: string,
  columns: Updateable<ConnectorVersions>,
): Promise<void> {
  await db
    .updateTable('connector_versions')
    .set({ ...columns, updated_at: sql<Date>`now()` })
    .where('id', '=', versionId)
    .execute();
}
