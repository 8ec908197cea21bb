import type { StoredEvent, StoredNotification } from '@slipway/container-api';
import type { Page } from '@slipway/contract';
import type { Caller } from '../caller.ts';
import type { Database, Work } from '../database/database.ts';
import type { ListResult } from '../http/list-result.ts';
import type { Right } from '../http/right.ts';
import type { Vault } from '../secrets/vault.ts';
import type { IndividualField } from '../versions/deployed.ts';

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

/** Which run of which site says something. */
export interface MessageOrigin {
  site: number;
  process: string;
  run: string;
  /** What users know it by. */
  source: string;
}

/** Accounts, projects and sites by their ids; what lies below one is meant with it. */
export interface Places {
  accounts: readonly number[];
  projects: readonly number[];
  sites: readonly number[];
}

/** Those of some places that exist, with what is above them. */
export interface KnownPlaces {
  accounts: ReadonlySet<number>;
  /** Project → its account. */
  projects: ReadonlyMap<number, number>;
  sites: ReadonlyMap<number, { project: number; account: number }>;
}

/** How many sites there are, and the first of them by id. */
export interface SiteNames {
  count: number;
  sites: { id: number; name: string }[];
}

/** What a version took over from a legacy executable. */
export interface SwitchedSites {
  /** Ascending. */
  sites: number[];
  /** Sites whose stored values leave required fields empty. */
  missing: { site: number; options: string[] }[];
}

/** What became of sites that were to move to another version. */
export interface MovedSites {
  moved: number[];
  skipped: { site: number; reason: string }[];
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
  assign(caller: Caller & { db: Work }, version: PlatformVersion, site: number): Promise<Assignment>;
  /** Takes a deleted version off the platform: its entries, and its place on its dev site with the form values. */
  removeVersion(
    work: { db: Work; vault: Vault },
    version: { versionId: string; connectorId: string; major: number },
  ): Promise<void>;
  /** Gives the memberships of one user to another, who keeps the stronger right where both have one. */
  moveMemberships(db: Work, from: string, to: string): Promise<void>;
  /** Gives the channels of one user to another. */
  giveChannels(db: Work, from: string, to: string): Promise<void>;
  /** Pauses what a connector runs on dev sites while it lies in the bin, and lets it go on afterwards. */
  setBinned(db: Work, connectorId: string, binned: boolean): Promise<void>;
  /** Which of the ids exist, and where they lie. */
  findPlaces(db: Database, places: Places): Promise<KnownPlaces>;
  /** Sites that lie neither in the list nor below one of the accounts and projects; `most` of them are named. */
  sitesOutside(db: Database, places: Places, most: number): Promise<SiteNames>;
  /** Those of the sites that exist; `most` of them are named. */
  sitesNamed(db: Database, sites: readonly number[], most: number): Promise<SiteNames>;
  /** Sites that use the connector, ascending, by major number. */
  sitesUsing(db: Database, connectorId: string): Promise<Map<number, number[]>>;
  /** A page of what sites run of the version (`connector_site_list`). */
  listUses(
    db: Database,
    page: Page,
    version: { connectorId: string; major: number; devSite: number | null },
  ): Promise<ListResult>;
  /**
   * Points what the sites run of one version at another, as far as it is open to them and their forms are filled. The
   * versions are locked.
   */
  moveSites(
    caller: Caller & { db: Work },
    move: { connectorId: string; from: number; to: number },
    sites: readonly number[],
  ): Promise<MovedSites>;
  /** Those of the channels that exist, with their kind; none of them goes away before the transaction ends. */
  keepChannels(db: Work, ids: readonly number[]): Promise<Map<number, { delta: boolean }>>;
  /** Kind of a legacy executable, which stays until the transaction ends; null when there is none with the id. */
  keepLegacyExecutable(db: Work, id: number): Promise<'source' | 'destination' | null>;
  /** Moves everything that runs the legacy executable to the version, whose form has these fields; remembers each. */
  switchLegacy(
    db: Work,
    version: PlatformVersion,
    executable: number,
    fields: readonly IndividualField[],
  ): Promise<SwitchedSites>;
  /** Points what was switched to this version back; gives the sites, ascending. */
  switchBack(db: Work, version: Pick<PlatformVersion, 'connectorId' | 'major'>): Promise<number[]>;
  /** Forgets what was switched to any version of the connector. */
  forgetSwitches(db: Work, connectorId: string): Promise<void>;
  findSite(db: Database, site: number): Promise<PlatformSite | null>;
  /** `none` also when there is no such site. */
  rightOnSite(caller: Caller, site: number): Promise<Right>;
  /** The form values stored on the site for a version, passwords opened; empty when the site does not use it. */
  formValues(
    caller: Caller,
    site: number,
    version: { connectorId: string; major: number },
  ): Promise<Record<string, string>>;
  /** The part of a site that uses the connector, as a text that stays the same; of several the first one. */
  placeOf(db: Database, site: number, connectorId: string): Promise<string>;
  /** Shows lines of a run in the notification panel of its site. */
  addNotifications(db: Work, origin: MessageOrigin, lines: readonly StoredNotification[]): Promise<void>;
  /** Removes notifications that are so many days old and have been read. */
  removeReadNotifications(db: Database, days: number): Promise<void>;
  /** Runs whose rows sources of sites go on contributing. */
  runsInUse(db: Database): Promise<string[]>;
  /** Adds what a run reported about single items to the errors of its site. */
  addEvents(db: Work, origin: MessageOrigin, events: readonly StoredEvent[]): Promise<void>;
  /**
   * Queues a manual run: the site works on it when its turn has come.
   *
   * @returns the id of the site's process
   * @throws 409 while another process waits
   */
  queueRun(caller: Caller & { db: Work }, site: number): Promise<string>;
  /** Takes a manual run out of the site's queue; one that was begun goes on. */
  dropQueuedRun(db: Work, processId: string): Promise<void>;
  /** The site's present rows, values in column order; null before the first import. */
  presentRows(
    db: Database,
    site: number,
  ): Promise<{ columns: readonly string[]; rows: AsyncIterable<readonly string[]> } | null>;
}
