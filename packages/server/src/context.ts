import type { Caller } from './caller.ts';
import type { Work } from './database/database.ts';
import type { Services } from './services.ts';

/** What every verb receives beside its input. */
export interface Context extends Caller {
  services: Services;
}

/** Do all changes of a verb in one transaction: the change, its audit event and the job it starts. */
export const inTransaction = <T>(
  context: Context,
  work: (context: Context & { db: Work }) => Promise<T>,
): Promise<T> =>
  context.db.isTransaction
    ? work(context as Context & { db: Work })
    : context.db.transaction().execute((transaction) => work({ ...context, db: transaction }));
