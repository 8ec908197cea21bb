import { messages } from '@slipway/contract';
import { sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { Refusal } from '../errors.ts';

const mostPerMinute = 60;
const freeFailures = 10;
const longestWait = 15 * 60;

/** A try to sign in, or to take an invitation (without an account). */
export interface Attempt {
  ip: string;
  account: string | null;
}

/**
 * Records a try and says how many seconds its address has to wait, 0 when it may go on: 60 tries a minute for an
 * address; after 10 failures within 15 minutes for an account from an address, waits that double from one second. What
 * is answered does not depend on whether the account exists. The try counts as failed until {@link succeed} says
 * otherwise, so that guesses sent at the same time count too.
 */
export async function begin(db: Database, attempt: Attempt): Promise<{ id: string; wait: number }> {
  const account = attempt.account?.slice(0, 255).toLowerCase() ?? null;
  return db.transaction().execute(async (work) => {
    // One at a time for an address, or many at once would all see a count below the limit.
    await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`sign-in ${attempt.ip}`}, 0))`.execute(work);
    const { rows } = await sql<{ minute: number; wait: number }>`
      SELECT
        (SELECT count(*)::int FROM sign_in_attempts
          WHERE ip = ${attempt.ip} AND time > now() - interval '1 minute') AS minute,
        (SELECT ceil(extract(epoch FROM max(time) - now())
            + CASE WHEN count(*) < ${freeFailures} THEN 0
              ELSE least(power(2, least(count(*) - ${freeFailures}, 20)), ${longestWait}) END)::int
          FROM sign_in_attempts
          WHERE failed AND account = ${account} AND ip = ${attempt.ip}
            AND time > now() - interval '15 minutes') AS wait`.execute(work);
    const { minute, wait } = rows[0] as { minute: number; wait: number | null };
    if (minute >= mostPerMinute) return { id: '', wait: 60 };
    if (wait !== null && wait > 0) return { id: '', wait };
    const { id } = await work
      .insertInto('sign_in_attempts')
      .values({ ip: attempt.ip, account, failed: account !== null })
      .returning('id')
      .executeTakeFirstOrThrow();
    return { id, wait: 0 };
  });
}

/** The try was good: failures of the account from this address are forgotten. */
export async function succeed(db: Database, id: string): Promise<void> {
  await sql`
    UPDATE sign_in_attempts a SET failed = false FROM sign_in_attempts good
    WHERE good.id = ${id} AND a.failed AND a.account = good.account AND a.ip = good.ip`.execute(db);
}

/** 429 with the seconds to wait. */
export const tooMany = (wait: number): Refusal =>
  new Refusal(429, { message: messages.tooMany }, { 'retry-after': String(wait) });

/** Tries older than any limit looks back. */
export async function forgetAttempts(db: Database): Promise<void> {
  await sql`DELETE FROM sign_in_attempts WHERE time < now() - interval '1 hour'`.execute(db);
}
