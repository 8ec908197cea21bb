import { versionStates } from '@slipway/contract';
import { expect, test } from 'vitest';
import { type Action, isInFlight, isInProduction, stateAfterChange, transitionFor } from './transitions.ts';

/** Chapter 4 of the contract, written down a second time: action → from → [during, to]. */
const expected: Record<Action, Record<string, [string | null, string]>> = {
  build: {
    updated: ['building', 'built'],
    built: ['building', 'built'],
    'synchronized-to-dev': ['building', 'built'],
    'synchronized-to-prod': ['building', 'built'],
  },
  'sync-runtime': {
    built: [null, 'built'],
    'synchronized-to-dev': [null, 'synchronized-to-dev'],
    'synchronized-to-prod': [null, 'synchronized-to-prod'],
  },
  'sync-dev': {
    built: ['synchronizing-to-dev', 'synchronized-to-dev'],
    'synchronized-to-dev': ['resynchronizing-to-dev', 'synchronized-to-dev'],
    'synchronized-to-prod': ['resynchronizing-to-dev', 'synchronized-to-prod'],
  },
  'sync-prod': { 'synchronized-to-dev': ['synchronizing-to-prod', 'synchronized-to-prod'] },
  rollback: { 'synchronized-to-prod': [null, 'synchronized-to-dev'] },
};

for (const [action, rows] of Object.entries(expected)) {
  for (const from of versionStates) {
    const row = rows[from];
    test(`${action} from ${from} ${row ? `leads to ${row[1]}` : 'is not allowed'}`, () => {
      const transition = transitionFor(action as Action, from);
      expect(transition && [transition.during, transition.to]).toEqual(row ?? null);
    });
  }
}

test('a version with a production copy is synchronized to prod again', () => {
  for (const from of ['synchronized-to-dev', 'synchronized-to-prod']) {
    expect(transitionFor('sync-prod', from, { productionCopy: true })).toMatchObject({
      during: 'resynchronizing-to-prod',
      to: 'synchronized-to-prod',
    });
  }
});

test('the five states of work in progress are in flight', () => {
  expect(versionStates.filter(isInFlight)).toEqual([
    'building',
    'synchronizing-to-dev',
    'resynchronizing-to-dev',
    'synchronizing-to-prod',
    'resynchronizing-to-prod',
  ]);
});

test('a change leads to updated once both required steps are done', () => {
  expect(stateAfterChange([])).toBe('updating');
  expect(stateAfterChange(['vcs-config'])).toBe('updating');
  expect(stateAfterChange(['application-config', 'vcs-config'])).toBe('updated');
});

test('released or granted is in production, targets alone are not', () => {
  const none = { released: false, enabled_for_accounts: [], enabled_for_projects: [], enabled_for_sites: [] };
  expect(isInProduction(none)).toBe(false);
  expect(isInProduction({ ...none, released: true })).toBe(true);
  expect(isInProduction({ ...none, enabled_for_sites: [3] })).toBe(true);
});
