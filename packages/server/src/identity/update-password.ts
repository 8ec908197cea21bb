import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, denied } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { begin, succeed, tooMany } from './attempts.ts';
import { endOtherSignIns } from './oauth/sign-ins.ts';
import { hashPassword, verifyPassword } from './passwords.ts';
import { lockUser } from './users.ts';

/**
 * `PUT /me/password`: only for who is signed in, not for a token that anybody may hold. A wrong current password counts
 * as a failed sign-in, so that a stolen access token can not guess it.
 */
export async function updatePassword(
  context: Context,
  { body }: Input<typeof operations.meUpdatePassword>,
): Promise<void> {
  const { actor, services } = context;
  // Not the request's transaction: a refusal would undo the count of its own try.
  const { db } = services;
  const { signIn } = actor;
  if (signIn === undefined) throw denied();
  const user = await db
    .selectFrom('users')
    .select(['email', 'password_hash'])
    .where('id', '=', actor.id)
    .executeTakeFirstOrThrow();
  const attempt = await begin(db, { ip: context.ip ?? '', account: user.email });
  if (attempt.wait > 0) throw tooMany(attempt.wait);
  if (!(await verifyPassword(body.current, user.password_hash))) {
    throw badRequest({ current: 'This value is not valid.' });
  }
  await succeed(db, attempt.id);
  const hash = await hashPassword(body.new);
  await inTransaction(context, async (work) => {
    const { email, password_hash: present } = await lockUser(work.db, actor.id);
    // Changed by another sign-in in between: what was checked is no longer the password.
    if (present !== user.password_hash) throw badRequest({ current: 'This value is not valid.' });
    await endOtherSignIns(work.db, actor.id, signIn);
    await storePassword(work, { id: actor.id, email }, hash);
  });
}

/** Stores a password that a user chose. */
export async function storePassword(
  work: Context & { db: Work },
  user: { id: string; email: string },
  hash: string,
): Promise<void> {
  await work.db
    .updateTable('users')
    .set({ password_hash: hash, password_temporary: false, updated_at: new Date() })
    .where('id', '=', user.id)
    .execute();
  await audit(work, {
    action: 'me_update_password',
    entity: { type: 'user', id: user.id, name: user.email },
    changes: [{ path: 'password', from: '***', to: '***' }],
  });
}
