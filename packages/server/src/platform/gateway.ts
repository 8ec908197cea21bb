import type { Context, Work } from '../context.ts';

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
  /** Pauses what a connector runs on dev sites while it lies in the bin, and lets it go on afterwards. */
  setBinned(db: Work, connectorId: string, binned: boolean): Promise<void>;
}
