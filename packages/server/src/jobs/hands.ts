import { type RawBuilder, sql } from 'kysely';
import type { Services } from '../services.ts';
import { isDead } from './leases.ts';

/** Ids of the work that this process has in hand. The database can not know it, since the worker lives. */
const inHand = new WeakMap<Services, Set<string>>();

export function handsOf(services: Services): Set<string> {
  let hands = inHand.get(services);
  if (!hands) {
    hands = new Set();
    inHand.set(services, hands);
  }
  return hands;
}

/**
 * SQL: nobody works on the row. Its worker is gone, or is this very process, which does not have it in hand (it could
 * not record the end while the database was away).
 *
 * @param worker column with the worker's id
 * @param id column with the work's own id
 */
export const isUnattended = (
  services: Services,
  worker: RawBuilder<unknown>,
  id: RawBuilder<unknown>,
): RawBuilder<boolean> => sql<boolean>`
  (${isDead(worker)}
    OR (${worker} = ${services.workerId} AND ${id} <> ALL(${[...handsOf(services)]}::uuid[])))`;
