import type { BuildStatus } from '@slipway/contract';
import { notFound } from '../errors.ts';
import type { Resolver } from '../http/subjects.ts';
import { workRight } from '../operations/subject.ts';

export interface BuildSubject {
  id: string;
  connectorId: string;
  status: BuildStatus;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    build: BuildSubject;
  }
}

export const resolveBuild: Resolver<'build'> = async (context, params) => {
  const row = await context.db
    .selectFrom('builds')
    .select(['id', 'connector_id as connectorId', 'triggered_by as startedBy', 'status'])
    .where('id', '=', params.buildId as string)
    .executeTakeFirst();
  if (!row) throw notFound('Build');
  return { subject: row as unknown as BuildSubject, right: await workRight(context, row), thing: 'Build' };
};
