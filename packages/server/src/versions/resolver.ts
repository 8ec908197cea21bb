import type { ConnectorType, Flow, VersionState } from '@slipway/contract';
import { sql } from 'kysely';
import { connectorRight } from '../connectors/resolver.ts';
import type { Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Resolver } from '../http/subjects.ts';
import { lockVersion } from './store.ts';

/** A version that a path, or a body, addresses. */
export interface VersionSubject {
  id: string;
  connectorId: string;
  connectorName: string;
  type: ConnectorType;
  flow: Flow;
  ownerId: string;
  ownerKind: 'organization' | 'user';
  major: number;
  /** `1.0.0` */
  version: string;
  name: string;
  state: VersionState;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    version: VersionSubject;
  }
}

/** Finds `{connectorVersion}` of `{publicId}`: a major number, `latest` or `main` (1.8). */
export const resolveVersion: Resolver<'version'> = async (context, params) => {
  const { connector, version } = await findVersion(
    context,
    params.publicId as string,
    params.connectorVersion as string,
  );
  const right = connectorRight(context.actor, connector.ownerId);
  // Whether a foreign connector has this version is nobody's business: access is decided by the connector first.
  if (!version && right !== 'none') throw notFound('Connector version');
  return {
    subject: version as VersionSubject,
    right,
    thing: 'Connector',
    lock: (db) => lockVersion(db, (version as VersionSubject).id),
  };
};

/**
 * @param selector `main`, `latest` or a major number
 * @returns the connector's owner, and the version or null when the connector has no such one
 * @throws 404 of the connector, also when it lies in the bin
 */
export async function findVersion(
  context: Context,
  connectorId: string,
  selector: string,
): Promise<{ connector: { ownerId: string }; version: VersionSubject | null }> {
  const wanted =
    selector === 'latest'
      ? sql`v.major = (SELECT max(n.major) FROM connector_versions n WHERE n.connector_id = c.id)`
      : selector === 'main'
        ? sql`v.major = c.main_version`
        : sql`v.major = ${Number(selector)}`;
  const { rows } = await sql<Omit<VersionSubject, 'id'> & { id: string | null }>`
    SELECT v.id, c.id AS "connectorId", c.name AS "connectorName", c.type, c.flow, c.owner_id AS "ownerId",
      c.owner_kind AS "ownerKind", v.major, v.major || '.0.' || v.patch AS version, v.name, v.state
    FROM connectors c LEFT JOIN connector_versions v ON v.connector_id = c.id AND ${wanted}
    WHERE c.id = ${connectorId} AND c.deleted_at IS NULL`.execute(context.db);
  const row = rows[0];
  if (!row) throw notFound('Connector');
  return { connector: { ownerId: row.ownerId }, version: row.id === null ? null : { ...row, id: row.id } };
}
