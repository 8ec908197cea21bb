import type { Database } from '../database/database.ts';
import { hasActiveRuns } from '../runs/active-runs.ts';
import type { VersionRow } from './store.ts';
import { isInProduction } from './transitions.ts';

/**
 * Is one of the versions actively used (3.5): in production, on a production site, or running? A version's own dev site
 * does not count.
 */
export const isActivelyUsed = async (db: Database, versions: readonly VersionRow[]): Promise<boolean> =>
  versions.some((version) => isInProduction(version) || version.assigned_to_sites.length > 0) ||
  (await hasActiveRuns(
    db,
    versions.map(({ id }) => id),
  ));
