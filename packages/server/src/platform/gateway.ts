import type { Context, Database, Work } from '../context.ts';
import type { Right } from '../http/subjects.ts';
import type { Vault } from '../secrets/vault.ts';

/** A version as the platform has to know it. */
export interface PlatformVersion {
  versionId: string;
  connectorId: string;
  major: number;
  type: string;
  name: string;
}

/** Where a version stands on a site after it was assigned (3.4): exactly the `assigned-…` keys. */
export interface Assignment {
  assignedToSite: number | null;
  assignedToChannel: number | null;
  assignedToChannelSite: number | null;
  assignedToChannelSiteDestination: number | null;
}

/** A site, with what is above it. */
export interface PlatformSite {
  id: number;
  name: string;
  projectId: number;
  projectName: string;
  accountId: number;
  accountName: string;
}

/**
 * All that the connector side asks of the platform. Another platform can stand behind it; nothing outside
 * `platform/` knows the embedded one's tables.
 *
 * Every call looks up before it creates, so that an action that was interrupted can be repeated.
 */
export interface Platform {
  accountExists(db: Work, account: number): Promise<boolean>;
  projectBelongsTo(db: Work, project: number, account: number): Promise<boolean>;
  siteBelongsTo(db: Work, site: number, project: number): Promise<boolean>;
  /** The project "Connector development" of the account, made when missing. */
  ensureProject(db: Work, account: number): Promise<number>;
  /** A new dev site. Types that read rows start with the file source "Sample products". */
  createSite(db: Work, project: number, version: PlatformVersion): Promise<number>;
  /** Creates or updates the version's entry; gives its id. */
  ensureConnector(db: Work, version: PlatformVersion, environment: 'dev' | 'prod'): Promise<number>;
  /** Puts the version on the site, or leaves it there with its form values. */
  assign(context: Context & { db: Work }, version: PlatformVersion, site: number): Promise<Assignment>;
  /** Takes a deleted version off the platform: its entries, and its place on its dev site with the form values. */
  removeVersion(
    work: { db: Work; vault: Vault },
    version: { versionId: string; connectorId: string; major: number },
  ): Promise<void>;
  /** Gives the memberships of one user to another, who keeps the stronger right where both have one. */
  moveMemberships(db: Work, from: string, to: string): Promise<void>;
  /** Pauses what a connector runs on dev sites while it lies in the bin, and lets it go on afterwards. */
  setBinned(db: Work, connectorId: string, binned: boolean): Promise<void>;
  findSite(db: Database, site: number): Promise<PlatformSite | null>;
  /** `none` also when there is no such site. */
  rightOnSite(context: Context, site: number): Promise<Right>;
  /** The form values stored on the site for a version, passwords opened; empty when the site does not use it. */
  formValues(
    context: Context,
    site: number,
    version: { connectorId: string; major: number },
  ): Promise<Record<string, string>>;
  /**
   * Queues a manual run: the site works on it when its turn has come.
   *
   * @returns the id of the site's process
   * @throws 409 while another process waits
   */
  queueRun(context: Context & { db: Work }, site: number): Promise<string>;
  /** Takes a manual run out of the site's queue; one that was begun goes on. */
  dropQueuedRun(db: Work, processId: string): Promise<void>;
  /** The site's present rows, values in column order; null before the first import. */
  presentRows(
    context: Pick<Context, 'db' | 'services'>,
    site: number,
  ): Promise<{ columns: readonly string[]; rows: AsyncIterable<readonly string[]> } | null>;
}
