import type { Database, Work } from './database/database.ts';
import type { Actor } from './identity/actor.ts';
import type { Services } from './services.ts';

/** What every verb receives beside its input. */
export interface Context {
  actor: Actor;
  db: Database;
  services: Services;
  requestId: string | null;
  ip: string | null;
}

/** Do all changes of a verb in one transaction: the change, its audit event and the job it starts. */
export const inTransaction = <T>(
  context: Context,
  work: (context: Context & { db: Work }) => Promise<T>,
): Promise<T> =>
  context.db.isTransaction
    ? work(context as Context & { db: Work })
    : context.db.transaction().execute((transaction) => work({ ...context, db: transaction }));
