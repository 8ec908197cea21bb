import { randomInt } from 'node:crypto';
import type { Work } from '../context.ts';
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
