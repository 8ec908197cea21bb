import type { operations } from '@slipway/contract';
import type { Updateable } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import type { ConnectorVersions } from '../database/schema.ts';
import { badRequest } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { setVersion } from '../operations/transitions.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import { recordSiteUses } from '../versions/site-uses.ts';
import { lockVersion, type VersionRow, versionJson } from '../versions/store.ts';
import { platformVersion, requireChannel } from './dev-site.ts';

/** `POST …/assign-to-sites/dev`: puts the version on its dev site, or leaves it there with its form values. */
export const assignToDevSite: Verb<(typeof operations)['connectorAssignToDevSite']> = (
  context,
  { subject },
) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    const site = requireSite(row);
    requireChannel(row);
    const columns = await assignmentOn(work, subject, row, site);
    const changes = changesBetween(pick(row), columns);
    if (changes.length > 0) {
      await setVersion(work.db, subject.id, columns);
      await audit(work, {
        action: 'connector_assign_to_dev_site',
        entity: {
          type: 'connector-version',
          id: `${subject.connectorId}/${subject.major}`,
          name: subject.name,
        },
        connector: subject.connectorId,
        changes: changes.map((change) => ({
          ...change,
          path: wireKeys[change.path as keyof typeof wireKeys],
        })),
      });
    }
    return versionJson(work.db, context.services.settings, subject.id);
  });

/** @throws 400 without a dev site, or before the first synchronization with it */
function requireSite(row: VersionRow): number {
  if (row.dev_site === null) throw badRequest({ connector: 'Connector must have dev site assigned.' });
  if (row.dev_platform_connector === null) {
    throw badRequest({ connector: 'Connector must be synchronized to dev.' });
  }
  return row.dev_site;
}

type AssignedColumns = Required<Pick<Updateable<ConnectorVersions>, keyof typeof wireKeys>>;

const wireKeys = {
  dev_assigned_to_site: 'platform_dev_reference.assigned-to-site',
  dev_assigned_to_channel: 'platform_dev_reference.assigned-to-channel',
  dev_assigned_to_channel_site: 'platform_dev_reference.assigned-to-channel-site',
  dev_assigned_to_channel_site_destination: 'platform_dev_reference.assigned-to-channel-site-destination',
} as const;

const pick = (row: VersionRow): Record<string, unknown> =>
  Object.fromEntries(Object.keys(wireKeys).map((key) => [key, row[key as keyof typeof wireKeys]]));

/** Assigns on the platform; the `assigned-…` keys (3.4) as columns. */
export async function assignmentOn(
  work: Context & { db: Work },
  version: VersionSubject,
  row: VersionRow,
  site: number,
): Promise<AssignedColumns> {
  const assigned = await work.services.platform.assign(work, platformVersion(version, row), site);
  // It may have taken the place of another version.
  await recordSiteUses(work, version.connectorId);
  return {
    dev_assigned_to_site: assigned.assignedToSite,
    dev_assigned_to_channel: assigned.assignedToChannel,
    dev_assigned_to_channel_site: assigned.assignedToChannelSite,
    dev_assigned_to_channel_site_destination: assigned.assignedToChannelSiteDestination,
  };
}
