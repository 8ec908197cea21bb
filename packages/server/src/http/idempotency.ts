import { createHash } from 'node:crypto';
import { acceptsIdempotencyKey, messages, type Operation, texts } from '@slipway/contract';
import type { FastifyRequest } from 'fastify';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Database, Work } from '../database/database.ts';
import { badRequest, Refusal } from '../errors.ts';
import { type Repeated, repeat } from '../jobs/repeat.ts';
import type { Services } from '../services.ts';
import { type Answer, answerOfRefusal } from './answers.ts';

const keyPattern = /^[\x21-\x7e]{1,255}$/;

/** What is kept under a key, sealed: a request may hold secrets, and so may its answer. */
interface Kept {
  /** Hash of the request that was answered. */
  request: string;
  answer: Answer;
}

/**
 * The `Idempotency-Key` of a request that may have one.
 *
 * @throws 400 when it is not made of 1 to 255 visible ASCII characters
 */
export function idempotencyKeyOf(operation: Operation, { headers }: FastifyRequest): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined || !acceptsIdempotencyKey(operation)) return null;
  if (typeof key === 'string' && keyPattern.test(key)) return key;
  throw badRequest({ 'Idempotency-Key': texts.invalid });
}

/**
 * Answers a request once: its change and the answer that is kept under the key are one transaction, so a server that is
 * killed leaves either both or neither, and a key is never in progress without a request (1.10). Refusals that are kept
 * undo the change first. Other answers (403, 412, 5xx) leave the key free.
 *
 * @param hash of the request, see {@link hashOf}
 * @param answer does the work with the context it is given
 * @throws 409 when the key is in use, or was used with another request
 */
export function answerOnce(
  context: Context,
  key: string,
  hash: string,
  answer: (context: Context) => Promise<Answer>,
): Promise<Answer> {
  return context.db.transaction().execute(async (db) => {
    if (!(await takeKey(db, context.actor.id, key))) throw conflict(messages.keyInProgress);
    const kept = await findAnswer(context, db, key);
    if (kept) {
      if (kept.request !== hash) throw conflict(messages.keyUsed);
      return { ...kept.answer, headers: { ...kept.answer.headers, 'Idempotency-Replayed': 'true' } };
    }
    const given = await answerOrRefuse({ ...context, db }, answer);
    await keepAnswer(context, db, key, { request: hash, answer: given });
    return given;
  });
}

const conflict = (message: string): Refusal => new Refusal(409, { message, errors: [] });

/** @param content of the body, or of the uploaded file */
export function hashOf({ method, url }: FastifyRequest, content: unknown): string {
  const hash = createHash('sha256').update(`${method} ${url}\n`);
  if (typeof content === 'string' || Buffer.isBuffer(content)) hash.update(content);
  return hash.digest('base64url');
}

/** The lock ends with the transaction, also when the server dies. */
async function takeKey(db: Work, user: string, key: string): Promise<boolean> {
  const { rows } = await sql<{ taken: boolean }>`
    SELECT pg_try_advisory_xact_lock(hashtextextended(${`idempotency ${user} ${key}`}, 0)) AS taken`.execute(
    db,
  );
  return rows[0]?.taken ?? false;
}

async function findAnswer({ actor, services }: Context, db: Work, key: string): Promise<Kept | null> {
  const row = await db
    .selectFrom('idempotency_keys')
    .select(['answer', sql<boolean>`created_at <= now() - interval '24 hours'`.as('expired')])
    .where('user_id', '=', actor.id)
    .where('key', '=', key)
    .executeTakeFirst();
  if (!row) return null;
  if (!row.expired) return JSON.parse(await services.vault.open(db, row.answer)) as Kept;
  await db.deleteFrom('idempotency_keys').where('user_id', '=', actor.id).where('key', '=', key).execute();
  await services.vault.remove(db, row.answer);
  return null;
}

async function answerOrRefuse(
  context: Context & { db: Work },
  answer: (context: Context) => Promise<Answer>,
): Promise<Answer> {
  await sql`SAVEPOINT request`.execute(context.db);
  try {
    return await answer(context);
  } catch (error) {
    if (!(error instanceof Refusal) || (error.status !== 400 && error.status !== 404)) throw error;
    await sql`ROLLBACK TO SAVEPOINT request`.execute(context.db);
    return answerOfRefusal(error);
  }
}

async function keepAnswer({ actor, services }: Context, db: Work, key: string, kept: Kept): Promise<void> {
  const answer = await services.vault.put(db, 'idempotent-answer', JSON.stringify(kept));
  await db.insertInto('idempotency_keys').values({ user_id: actor.id, key, answer }).execute();
}

/** Forgets what is old enough, every ten minutes. */
export const startAnswerKeeper = async (services: Services): Promise<Repeated> =>
  repeat(600_000, () => forgetOldAnswers(services), services.log);

/** Forgets answers that are older than 24 hours, a thousand at a time. */
export async function forgetOldAnswers({
  db,
  vault,
}: Pick<Services, 'vault'> & { db: Database }): Promise<void> {
  let forgotten: number;
  do {
    forgotten = await db.transaction().execute(async (work) => {
      const { rows } = await sql<{ answer: string }>`
        DELETE FROM idempotency_keys WHERE (user_id, key) IN (
          SELECT user_id, key FROM idempotency_keys WHERE created_at <= now() - interval '24 hours'
          LIMIT 1000 FOR UPDATE SKIP LOCKED)
        RETURNING answer`.execute(work);
      await vault.remove(work, ...rows.map(({ answer }) => answer));
      return rows.length;
    });
  } while (forgotten === 1000);
}
