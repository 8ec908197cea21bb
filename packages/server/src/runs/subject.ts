import type { RunState } from '@slipway/contract';
import { connectorRight } from '../connectors/resolver.ts';
import { connectorOwner } from '../connectors/seen-by.ts';
import { notFound } from '../errors.ts';
import type { Resolver } from '../http/subjects.ts';

export interface RunSubject {
  id: string;
  connectorId: string;
  siteId: number;
  processId: string;
  state: RunState;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    run: RunSubject;
  }
}

/** Runs belong to whom their connector belongs; those of a connector that was deleted for good to the admins. */
export const resolveRun: Resolver<'run'> = async ({ db, actor }, params) => {
  const row = await db
    .selectFrom('runs')
    .select(['id', 'connector_id as connectorId', 'site_id as siteId', 'process_id as processId', 'state'])
    .where('id', '=', params.runId as string)
    .executeTakeFirst();
  if (!row) throw notFound('Run');
  const owner = await connectorOwner(db, row.connectorId);
  const right = owner === null ? (actor.role === 'admin' ? 'admin' : 'none') : connectorRight(actor, owner);
  return { subject: row as RunSubject, right, thing: 'Run' };
};
