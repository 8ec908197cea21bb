import { secretPathPattern } from '@slipway/contract';
import { notFound } from '../errors.ts';
import type { Right } from '../http/right.ts';
import type { Resolver } from '../http/subjects.ts';
import { type Actor, owns } from '../identity/actor.ts';

export interface SecretSubject {
  id: string;
  path: string;
}

export interface AuthenticationSubject {
  id: number;
  name: string;
  kind: 'fields' | 'oauth2';
}

declare module '../http/subjects.ts' {
  interface Subjects {
    secret: SecretSubject;
    authentication: AuthenticationSubject;
  }
}

export const resolveSecret: Resolver<'secret'> = async ({ db, actor }, params) => {
  const path = params.path as string;
  if (!secretPathPattern.test(path)) throw notFound('Secret');
  const secret = await db
    .selectFrom('secrets')
    .select(['id', 'path', 'owner_id'])
    .where('path', '=', path)
    .executeTakeFirst();
  if (!secret) throw notFound('Secret');
  return {
    subject: { id: secret.id, path: secret.path },
    right: rightOf(actor, secret.owner_id),
    thing: 'Secret',
  };
};

/** Everybody may use a shared secret, and only admins change it. */
function rightOf(actor: Actor, ownerId: string | null): Right {
  if (actor.role === 'admin') return 'admin';
  if (ownerId === null) return 'read';
  return owns(actor, ownerId) ? 'write' : 'none';
}

export const resolveAuthentication: Resolver<'authentication'> = async ({ db, actor }, params) => {
  const subject = await db
    .selectFrom('authentications')
    .select(['id', 'name', 'kind'])
    .where('id', '=', Number(params.authenticationId))
    .executeTakeFirst();
  if (!subject) throw notFound('Authentication');
  return {
    subject: subject as AuthenticationSubject,
    right: actor.role === 'admin' ? 'admin' : 'read',
    thing: 'Authentication',
  };
};
