import { inFlightStates, type VersionState } from '@slipway/contract';

/** What moves a version through its states (chapter 4 of the contract). */
export type Action = 'build' | 'sync-runtime' | 'sync-dev' | 'sync-prod' | 'rollback';

/** `from` → `during` while the work goes on → `to` when it succeeded; failing and cancelling lead back to `from`. */
export interface Transition {
  action: Action;
  from: VersionState;
  /** Null: the work is done within the request. */
  during: VersionState | null;
  to: VersionState;
  /** Only when the version has, or has not, a production copy; null: either. */
  productionCopy: boolean | null;
}

const row = (
  action: Action,
  from: VersionState,
  during: VersionState | null,
  to: VersionState,
  productionCopy: boolean | null = null,
): Transition => ({ action, from, during, to, productionCopy });

/**
 * The state machine. Everything that is not in this table is refused with the state's name. Configuration changes are
 * not in it: they are possible in every stable state and lead to `stateAfterChange`.
 */
export const transitions: readonly Transition[] = [
  row('build', 'updated', 'building', 'built'),
  row('build', 'built', 'building', 'built'),
  row('build', 'synchronized-to-dev', 'building', 'built'),
  row('build', 'synchronized-to-prod', 'building', 'built'),

  row('sync-runtime', 'built', null, 'built'),
  row('sync-runtime', 'synchronized-to-dev', null, 'synchronized-to-dev'),
  row('sync-runtime', 'synchronized-to-prod', null, 'synchronized-to-prod'),

  row('sync-dev', 'built', 'synchronizing-to-dev', 'synchronized-to-dev'),
  row('sync-dev', 'synchronized-to-dev', 'resynchronizing-to-dev', 'synchronized-to-dev'),
  row('sync-dev', 'synchronized-to-prod', 'resynchronizing-to-dev', 'synchronized-to-prod'),

  row('sync-prod', 'synchronized-to-dev', 'synchronizing-to-prod', 'synchronized-to-prod', false),
  row('sync-prod', 'synchronized-to-dev', 'resynchronizing-to-prod', 'synchronized-to-prod', true),
  row('sync-prod', 'synchronized-to-prod', 'resynchronizing-to-prod', 'synchronized-to-prod', true),

  row('rollback', 'synchronized-to-prod', null, 'synchronized-to-dev'),
];

/** The transition of an action from a state, or null when it is not allowed there. */
export function transitionFor(
  action: Action,
  from: string,
  { productionCopy = false }: { productionCopy?: boolean } = {},
): Transition | null {
  return (
    transitions.find(
      (candidate) =>
        candidate.action === action &&
        candidate.from === from &&
        (candidate.productionCopy === null || candidate.productionCopy === productionCopy),
    ) ?? null
  );
}

/** Is background work changing the version at this moment? */
export const isInFlight = (state: string): boolean => (inFlightStates as readonly string[]).includes(state);

/** Where a configuration change leads: `updated` once both required steps were done, else `updating`. */
export const stateAfterChange = (updateProgress: readonly string[]): VersionState =>
  updateProgress.includes('vcs-config') && updateProgress.includes('application-config')
    ? 'updated'
    : 'updating';

/** Available on the platform's production sites: released, or opened to somebody (3.5). */
export const isInProduction = (version: {
  released: boolean;
  enabled_for_accounts: readonly number[];
  enabled_for_projects: readonly number[];
  enabled_for_sites: readonly number[];
}): boolean =>
  version.released ||
  version.enabled_for_accounts.length > 0 ||
  version.enabled_for_projects.length > 0 ||
  version.enabled_for_sites.length > 0;
