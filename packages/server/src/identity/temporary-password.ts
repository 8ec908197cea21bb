import { randomInt } from 'node:crypto';
import { type Kysely, sql } from 'kysely';
import type { Work } from '../database/database.ts';
import type { DB } from '../database/schema.ts';
import { audit } from '../events/audit.ts';
import { systemActor } from '../operations/system-context.ts';
import { endSignIns } from './oauth/sign-ins.ts';
import { hashPassword } from './passwords.ts';

/** Four groups of letters and digits that are not mistaken for each other: 99 bits, and no burden to type. */
function makePassword(): string {
  const letters = 'abcdefghjkmnpqrstuvwxyz23456789';
  const group = (): string => Array.from({ length: 5 }, () => letters[randomInt(letters.length)]).join('');
  return [group(), group(), group(), group()].join('-');
}

/** Gives a user a password to hand over. It opens nothing but the page on which they choose their own. */
export async function setTemporaryPassword(db: Work, id: string): Promise<string> {
  const password = makePassword();
  await db
    .updateTable('users')
    .set({ password_hash: await hashPassword(password), password_temporary: true, updated_at: new Date() })
    .where('id', '=', id)
    .execute();
  return password;
}

/**
 * Gives the account back to whoever the operator hands the password to: sign-ins and links to another provider end.
 *
 * @throws when there is no active user with the address
 */
export function resetPassword(db: Kysely<DB>, email: string): Promise<string> {
  return db.transaction().execute(async (work) => {
    const { rows } = await sql<{ id: string; email: string }>`
      SELECT id, email FROM users WHERE lower(email) = lower(${email}) AND status = 'active' FOR UPDATE`.execute(
      work,
    );
    const user = rows[0];
    if (!user) throw new Error(`There is no active user with the e-mail address ${email}.`);
    const password = await setTemporaryPassword(work, user.id);
    await endSignIns(work, user.id);
    await work.deleteFrom('user_identities').where('user_id', '=', user.id).execute();
    await audit(
      { db: work, actor: systemActor, requestId: null, ip: null },
      {
        action: 'system.reset-password',
        entity: { type: 'user', id: user.id, name: user.email },
        changes: [{ path: 'password', from: '***', to: '***' }],
      },
    );
    return password;
  });
}
