import { notFound } from '../errors.ts';
import type { Right } from '../http/right.ts';
import type { Resolver } from '../http/subjects.ts';
import type { Actor } from '../identity/actor.ts';

export interface OrganizationSubject {
  id: string;
  name: string;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    organization: OrganizationSubject;
  }
}

export const resolveOrganization: Resolver<'organization'> = async ({ db, actor }, params) => {
  const subject = await db
    .selectFrom('organizations')
    .select(['id', 'name'])
    .where('id', '=', params.organizationId as string)
    .executeTakeFirst();
  if (!subject) throw notFound('Organization');
  return { subject, right: rightOf(actor, subject.id), thing: 'Organization' };
};

function rightOf(actor: Actor, organizationId: string): Right {
  if (actor.role === 'admin') return 'admin';
  if (!actor.organizations.includes(organizationId)) return 'none';
  return actor.role === 'viewer' ? 'read' : 'write';
}
