import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, refused } from '../errors.ts';
import { defaultsFor } from '../organizations/ownership.ts';
import type { PlatformVersion } from '../platform/gateway.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import type { VersionRow } from '../versions/store.ts';

type Working = Context & { db: Work };

/** Where a version goes on the dev side. */
export interface DevPlace {
  account: number;
  project: number | null;
  site: number | null;
}

/**
 * The version's account, else the one of the defaults (3.10) together with its project.
 *
 * @throws 400 `Dev account is missing.`
 */
export async function requireDevPlace(
  work: Working,
  version: VersionSubject,
  row: VersionRow,
): Promise<DevPlace> {
  const { dev_account: account, dev_project: project, dev_site: site } = row;
  if (account !== null) return { account, project, site };
  const { dev } = await defaultsFor(work, { id: version.ownerId, kind: version.ownerKind });
  if (!dev) throw refused('Dev account is missing.');
  return { account: dev.account, project: project ?? dev.project, site };
}

/** The version as the platform knows it; a site is named after the connector, an entry after the version. */
export const platformVersion = (version: VersionSubject, row: VersionRow): PlatformVersion => ({
  versionId: version.id,
  connectorId: version.connectorId,
  major: version.major,
  type: version.type,
  name: row.name,
});

/** The project stays when it is one of the account's; else "Connector development" takes its place. */
export async function ensureProject(work: Working, { account, project }: DevPlace): Promise<number> {
  const { platform } = work.services;
  if (!(await platform.accountExists(work.db, account))) throw badRequest({ account: 'Account not found.' });
  if (project !== null && (await platform.projectBelongsTo(work.db, project, account))) return project;
  return platform.ensureProject(work.db, account);
}

/** The site stays when it is one of the project's; else `<connector name> dev` is made. */
export async function ensureSite(
  work: Working,
  version: VersionSubject,
  row: VersionRow,
  project: number,
): Promise<number> {
  const { platform } = work.services;
  if (row.dev_site !== null && (await platform.siteBelongsTo(work.db, row.dev_site, project)))
    return row.dev_site;
  return platform.createSite(work.db, project, {
    ...platformVersion(version, row),
    name: version.connectorName,
  });
}

/** Columns for a version that has no place on any site yet. */
export const unassigned = {
  dev_assigned_to_site: null,
  dev_assigned_to_channel: null,
  dev_assigned_to_channel_site: null,
  dev_assigned_to_channel_site_destination: null,
};

/**
 * Types that export need a channel before they can stand on a site.
 *
 * @throws 400 `{"channels":"Assign at least one channel first."}`
 */
export function requireChannel(row: VersionRow): void {
  const config = row.export_config as { channels?: number[] } | null;
  if (config && !config.channels?.length)
    throw badRequest({ channels: 'Assign at least one channel first.' });
}
