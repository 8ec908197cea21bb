import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Change } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { configurationDiff } from './configuration-diff.ts';
import { limitsJson } from './execution-config.ts';
import { configJson } from './representation.ts';
import { findVersion } from './resolver.ts';

/** `GET …/diff/{otherVersion}`: `from` is the version of the path, `to` the other one. */
export async function diffVersions(
  context: Context,
  { subject, params }: Input<typeof operations.connectorVersionDiff>,
): Promise<Change[]> {
  const { version: other } = await findVersion(context, subject.connectorId, params.otherVersion);
  if (!other) throw notFound('Connector version');
  const { rows } = await sql<{ id: string; config: Record<string, unknown>; limits: unknown }>`
    SELECT v.id, ${configJson} AS config, ${limitsJson(context.services.settings)} AS limits
    FROM connector_versions v WHERE v.id IN (${subject.id}, ${other.id})`.execute(context.db);
  const configured = (id: string): Record<string, unknown> => {
    const row = rows.find((candidate) => candidate.id === id);
    return { ...row?.config, limits: row?.limits };
  };
  return configurationDiff(configured(subject.id), configured(other.id));
}
