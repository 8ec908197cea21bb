import type { BackgroundAction, Scope } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import type { Services } from '../services.ts';
import type { VersionRow } from '../versions/store.ts';

/** A background operation that this process has claimed. */
export interface ClaimedAction {
  id: string;
  name: BackgroundAction;
  connectorId: string;
  versionId: string;
  major: number;
  /** Steps an earlier attempt finished. */
  stepsDone: string[];
  /** 1 the first time. */
  attempt: number;
}

/** Why an operation failed, as `data` shows it. */
export interface ActionFailure {
  step: string;
  error: string;
  exitCode: number | null;
  cancelled: boolean;
}

/** What the performer of an operation works with. */
export interface ActionRun {
  services: Services;
  action: ClaimedAction;
  /** Aborts when the operation was cancelled or is taken away, and when the server stops. */
  signal: AbortSignal;
  /** The step at work, for the failure. */
  step: string;
  /**
   * A transaction that is done only while the operation is still ours. The version is locked, then the state: everybody
   * locks in this order.
   *
   * @throws {ActionEnded}
   */
  transaction<T>(work: (work: Context & { db: Work }, version: VersionRow) => Promise<T>): Promise<T>;
}

/** One kind of background operation. */
export interface ActionKind {
  /** Wakes its workers. */
  queue: 'build' | 'state';
  /** What a token needs to cancel it. */
  scope: Scope;
  /** `data.error` of one that was cancelled. */
  cancelled: string;
  /** Its first step, where a failure stands that came before any. */
  firstStep: string;
  /** Whoever does the work writes the reason of a failure into the log already. */
  logsFailures?: true;
  /** Does the work and settles it with `finishAction`. @throws {ActionError} with the contract's text */
  perform(run: ActionRun): Promise<void>;
  /** Its own rows, in the transaction in which a worker takes it up. */
  onClaimed?(db: Work, id: string): Promise<void>;
  /** Its own rows, when it goes back into the queue. */
  onReleased?(db: Work, id: string): Promise<void>;
  /** Its own rows, in the transaction in which it fails. */
  onFailed?(db: Work, id: string, failure: ActionFailure): Promise<void>;
}

/** Ends an operation as failed; the message is what users read. */
export class ActionError extends Error {
  override readonly name = 'ActionError';
  readonly step: string;
  readonly exitCode: number | null;

  constructor(step: string, message: string, exitCode: number | null = null) {
    super(message);
    this.step = step;
    this.exitCode = exitCode;
  }
}

/** The operation was cancelled, or another worker took it over: there is nothing left to settle. */
export class ActionEnded extends Error {
  override readonly name = 'ActionEnded';

  constructor() {
    super('The action is no longer ours.');
  }
}

/** `data.error` of an operation that was resumed too often. */
export const workerLost = 'The worker was lost and the action could not be resumed';

/** A worker takes an operation up at most this often: once, and two resumptions (product.md 2.10). */
export const mostAttempts = 3;
