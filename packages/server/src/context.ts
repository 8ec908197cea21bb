import type { Role, Scope } from '@slipway/contract';
import type { Kysely, Transaction } from 'kysely';
import type { DB } from './database/schema.ts';
import type { Services } from './services.ts';

/** The pool, or the transaction a verb works in. */
export type Database = Kysely<DB>;
export type Work = Transaction<DB>;

/** Who acts. Work of the server itself (recovery, schedules) has the kind `system`. */
export interface Actor {
  kind: 'user' | 'client' | 'system';
  id: string;
  name: string | null;
  role: Role;
  /** The token's scopes that the role may hold. */
  scopes: ReadonlySet<Scope>;
  /** Organizations of the user, the one joined first in front. */
  organizations: readonly string[];
  /** The token, sign-in or client that let it in; absent for work of the server itself. */
  credential?: string;
  /** The sign-in of an access token; absent for a personal token and for a client that acts by itself. */
  signIn?: string;
}

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

/** Does the actor own what `ownerId` owns, by themselves or through an organization? */
export const owns = (actor: Actor, ownerId: string | null): boolean =>
  ownerId !== null && (ownerId === actor.id || actor.organizations.includes(ownerId));
