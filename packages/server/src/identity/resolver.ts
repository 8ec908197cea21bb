import { notFound } from '../errors.ts';
import type { Right } from '../http/right.ts';
import type { Resolver } from '../http/subjects.ts';
import type { Actor } from './actor.ts';

export interface UserSubject {
  id: string;
  email: string;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    user: UserSubject;
  }
}

export const resolveUser: Resolver<'user'> = async ({ db, actor }, params) => {
  const subject = await db
    .selectFrom('users')
    .select(['id', 'email'])
    .where('id', '=', (params.userId ?? params.integratorId) as string)
    .executeTakeFirst();
  if (!subject) throw notFound('User');
  return { subject, right: rightOf(actor, subject.id), thing: 'User' };
};

function rightOf(actor: Actor, userId: string): Right {
  if (isFullAdmin(actor)) return 'admin';
  return userId === actor.id ? 'write' : 'none';
}

/**
 * An admin whose token has not given up the scope `admin`: what admins may do with others in operations that everybody
 * has for themselves.
 */
export const isFullAdmin = (actor: Actor): boolean => actor.role === 'admin' && actor.scopes.has('admin');
