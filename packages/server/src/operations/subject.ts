import type { BackgroundAction } from '@slipway/contract';
import { connectorRight } from '../connectors/resolver.ts';
import { connectorOwner } from '../connectors/seen-by.ts';
import type { Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Right } from '../http/right.ts';
import type { Resolver } from '../http/subjects.ts';
import type { Actor } from '../identity/actor.ts';

export interface StateSubject {
  id: string;
  name: BackgroundAction;
  connectorId: string;
  versionId: string;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    state: StateSubject;
  }
}

export const resolveState: Resolver<'state'> = async (context, params) => {
  const row = await context.db
    .selectFrom('states')
    .select(['id', 'name', 'connector_id as connectorId', 'version_id as versionId', 'owner_id as startedBy'])
    .where('id', '=', params.stateId as string)
    .executeTakeFirst();
  if (!row) throw notFound('State');
  return { subject: row as StateSubject, right: await workRight(context, row), thing: 'State' };
};

/** Work belongs to whom its connector belongs; whoever started it may go on reading. */
export async function workRight(
  { db, actor }: Pick<Context, 'db' | 'actor'>,
  work: { connectorId: string; startedBy: string },
): Promise<Right> {
  const owner = await connectorOwner(db, work.connectorId);
  const right = owner === null ? ofAdmin(actor) : connectorRight(actor, owner);
  return right === 'none' && work.startedBy === actor.id ? 'read' : right;
}

const ofAdmin = (actor: Actor): Right => (actor.role === 'admin' ? 'admin' : 'none');
