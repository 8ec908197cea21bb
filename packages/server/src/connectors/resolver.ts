import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { notFound } from '../errors.ts';
import type { Right } from '../http/right.ts';
import type { Found, Resolver } from '../http/subjects.ts';
import { type Actor, owns } from '../identity/actor.ts';

export interface ConnectorSubject {
  id: string;
  name: string;
  ownerId: string;
  ownerKind: 'organization' | 'user';
}

declare module '../http/subjects.ts' {
  interface Subjects {
    connector: ConnectorSubject;
    'binned-connector': ConnectorSubject;
    /** In the bin or not. */
    'any-connector': ConnectorSubject;
  }
}

/** Members of the owner have equal rights, within their role; a viewer reads. */
export function connectorRight(actor: Actor, ownerId: string): Right {
  if (actor.role === 'admin') return 'admin';
  if (!owns(actor, ownerId)) return 'none';
  return actor.role === 'viewer' ? 'read' : 'write';
}

export const resolveConnector: Resolver<'connector'> = (context, params) =>
  find(context, (params.publicId ?? params.connectorUuid) as string, sql<boolean>`deleted_at IS NULL`);

export const resolveAnyConnector: Resolver<'any-connector'> = (context, params) =>
  find(context, params.publicId as string, sql<boolean>`true`);

export const resolveBinnedConnector: Resolver<'binned-connector'> = (context, params) =>
  find(context, params.movedToBinPublicId as string, sql<boolean>`deleted_at IS NOT NULL`);

/** The connector, then its versions, which it is shown with; everybody who locks both does so in this order. */
async function lockConnector(db: Work, id: string): Promise<void> {
  await sql`SELECT 1 FROM connectors WHERE id = ${id} FOR UPDATE`.execute(db);
  await sql`SELECT 1 FROM connector_versions WHERE connector_id = ${id} ORDER BY major FOR UPDATE`.execute(
    db,
  );
}

async function find(
  context: Context,
  id: string,
  place: RawBuilder<boolean>,
): Promise<Found<ConnectorSubject>> {
  const subject = await context.db
    .selectFrom('connectors')
    .select(['id', 'name', 'owner_id as ownerId', 'owner_kind as ownerKind'])
    .where('id', '=', id)
    .where(place)
    .executeTakeFirst();
  if (!subject) throw notFound('Connector');
  return {
    subject: subject as ConnectorSubject,
    right: connectorRight(context.actor, subject.ownerId),
    thing: 'Connector',
    lock: (db) => lockConnector(db, subject.id),
  };
}
