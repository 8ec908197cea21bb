import type { Database } from './database/database.ts';
import type { Actor } from './identity/actor.ts';

/** On whose behalf something is done, and in what: the pool or a transaction. */
export interface Caller {
  actor: Actor;
  db: Database;
  requestId: string | null;
  ip: string | null;
}
