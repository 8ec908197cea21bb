import type { Operation } from '@slipway/contract';
import { denied, notFound } from '../errors.ts';
import type { Actor } from '../identity/actor.ts';
import type { Found } from './subjects.ts';

/**
 * Role and scope (step 4 of 1.3). The one place where a declaration's permission is enforced.
 *
 * @param params path values as sent, for operations that let everybody address themselves
 * @throws 403
 */
export function checkRoleAndScope(
  { access, scope, oneself, otherScope }: Operation,
  actor: Actor,
  params: Record<string, string>,
): void {
  if (oneself !== undefined && params[oneself]?.toLowerCase() === actor.id) return;
  if (access === 'admin' && actor.role !== 'admin') throw denied();
  if (access === 'integrator' && actor.role === 'viewer') throw denied();
  // On the platform a viewer's right on the site counts, not the role (chapter 6).
  const changesConnectors = access === 'write-403' || access === 'write-404';
  if (changesConnectors && actor.role === 'viewer' && !scope?.startsWith('platform:')) throw denied();
  const others = otherScope !== undefined && actor.scopes.has(otherScope);
  if (scope !== null && !actor.scopes.has(scope) && !others) {
    throw denied({ 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` });
  }
}

/**
 * Access to the addressed entity (step 8 of 1.3).
 *
 * @throws 403, or 404 where the access class hides what is foreign
 */
export function checkSubject({ access }: Operation, { right, thing }: Found<unknown>): void {
  switch (access) {
    case 'read-403':
      if (right === 'none') throw denied();
      return;
    case 'read-404':
      if (right === 'none') throw notFound(thing);
      return;
    case 'write-403':
      if (right === 'none' || right === 'read') throw denied();
      return;
    case 'write-404':
      if (right === 'none') throw notFound(thing);
      if (right === 'read') throw denied();
      return;
    case 'account-admin':
      if (right === 'none') throw notFound(thing);
      if (right !== 'admin') throw denied();
      return;
    default:
      return;
  }
}
