import type { Actor } from '../context.ts';
import { denied, notFound } from '../errors.ts';
import type { Resolver } from '../http/subjects.ts';

export interface UserSubject {
  id: string;
  email: string;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    user: UserSubject;
  }
}

/**
 * A user of a path. Admins have every right, everybody a right on themselves. Others get none before anything is looked
 * up, so that they can not find out who exists.
 */
export const resolveUser: Resolver<'user'> = async ({ db, actor }, params) => {
  const id = (params.userId ?? params.integratorId) as string;
  const own = id === actor.id;
  if (!own) requireAdmin(actor);
  const subject = await db
    .selectFrom('users')
    .select(['id', 'email'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (!subject) throw notFound('User');
  return { subject, right: own ? 'write' : 'admin', thing: 'User' };
};

/**
 * What only an admin with the scope `admin` may do, in operations that everybody may call on themselves.
 *
 * @throws 403
 */
export function requireAdmin(actor: Actor): void {
  if (isFullAdmin(actor)) return;
  throw denied(
    actor.role === 'admin' ? { 'www-authenticate': 'Bearer error="insufficient_scope", scope="admin"' } : {},
  );
}

/** An admin whose token has not given up the scope `admin`. */
export const isFullAdmin = (actor: Actor): boolean => actor.role === 'admin' && actor.scopes.has('admin');
