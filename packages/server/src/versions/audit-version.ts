import type { Operation } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { audit, type Change } from '../events/audit.ts';
import type { VersionSubject } from './resolver.ts';

/** Writes the event of a change of a version; what changes nothing leaves none. */
export async function auditVersion(
  work: Context & { db: Work },
  operation: Operation,
  version: Pick<VersionSubject, 'connectorId' | 'major' | 'name'>,
  changes: readonly Change[],
): Promise<void> {
  if (changes.length === 0) return;
  await audit(work, {
    action: operation.id,
    entity: {
      type: 'connector-version',
      id: `${version.connectorId}/${version.major}`,
      name: version.name,
    },
    connector: version.connectorId,
    changes,
  });
}
