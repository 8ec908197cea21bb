import type { Context } from '../context.ts';
import type { Change } from '../events/audit.ts';
import { changesBetween } from '../events/audit.ts';
import type { Places } from '../platform/gateway.ts';
import type { VersionRow } from '../versions/store.ts';

/** The three levels of a place, as requests name them. */
export const levels = ['accounts', 'projects', 'sites'] as const;

/** The body of the target operations. */
export interface TargetsBody {
  'target-accounts'?: number[];
  'target-projects'?: number[];
  'target-sites'?: number[];
}

/** Where access may be given. */
export const targetsOf = (row: VersionRow): Places => ({
  accounts: row.target_accounts,
  projects: row.target_projects,
  sites: row.target_sites,
});

/** Where access is given. */
export const grantsOf = (row: VersionRow): Places => ({
  accounts: row.enabled_for_accounts,
  projects: row.enabled_for_projects,
  sites: row.enabled_for_sites,
});

export const targetColumns = ({ accounts, projects, sites }: Places) => ({
  target_accounts: unique(accounts),
  target_projects: unique(projects),
  target_sites: unique(sites),
});

export const grantColumns = ({ accounts, projects, sites }: Places) => ({
  enabled_for_accounts: unique(accounts),
  enabled_for_projects: unique(projects),
  enabled_for_sites: unique(sites),
});

const unique = (ids: readonly number[]): number[] => [...new Set(ids)];

/** The same for each level. */
export const onEach = (choose: (level: (typeof levels)[number]) => readonly number[]): Places => ({
  accounts: choose('accounts'),
  projects: choose('projects'),
  sites: choose('sites'),
});

/** `target_accounts` → `platform_prod_reference.target-accounts`, changed lists only. */
export const placeChanges = (row: VersionRow, columns: Partial<VersionRow>): Change[] =>
  changesBetween({ ...row }, { ...columns }).map((change) => ({
    ...change,
    path: `platform_prod_reference.${change.path.replaceAll('_', '-')}`,
  }));

/** The places that are neither named in the scope nor below what it names (product.md 2.5). */
export async function outside(
  { db, services }: Pick<Context, 'db' | 'services'>,
  places: Places,
  scope: Places,
): Promise<Places> {
  const left = onEach((level) => places[level].filter((id) => !scope[level].includes(id)));
  if (left.projects.length + left.sites.length === 0) return left;
  const known = await services.platform.findPlaces(db, left);
  const covered = (account: number | undefined, project?: number): boolean =>
    (account !== undefined && scope.accounts.includes(account)) ||
    (project !== undefined && scope.projects.includes(project));
  return {
    accounts: left.accounts,
    projects: left.projects.filter((id) => !covered(known.projects.get(id))),
    sites: left.sites.filter((id) => {
      const site = known.sites.get(id);
      return !covered(site?.account, site?.project);
    }),
  };
}

/** One text for each level that is not empty, with its ids behind it. */
export function placeErrors(places: Places, prefix: 'target-' | '', text: string): Record<string, string> {
  const filled = levels.filter((level) => places[level].length > 0);
  return Object.fromEntries(
    filled.map((level) => [`${prefix}${level}`, `${text}: ${places[level].join(',')}`]),
  );
}
