import type { operations } from '@slipway/contract';
import { connectorState } from '../connectors/release-state.ts';
import type { Context } from '../context.ts';
import { denied, refusalText } from '../errors.ts';
import type { Verb } from '../http/route.ts';
import type { Places, SiteNames } from '../platform/gateway.ts';
import { newestReleased } from '../versions/production.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import { readVersion, type VersionRow } from '../versions/store.ts';
import { grantsOf } from './places.ts';
import { mayRelease } from './release.ts';
import { releaseRefusal, unreleaseRefusal } from './release-rules.ts';

/** How many sites a preview names. */
const most = 100;

const nobody: SiteNames = { count: 0, sites: [] };
const nowhere: Places = { accounts: [], projects: [], sites: [] };

/**
 * `GET …/release/preview`: what a release, or its withdrawal, would change. Sites that use the version already go on
 * either way, so they neither gain nor lose. An action that the version's state forbids changes nothing.
 */
export const previewRelease: Verb<(typeof operations)['connectorReleasePreview']> = async (
  context,
  { subject, query },
) => {
  const action = query.action === 'unrelease' ? 'unrelease' : 'release';
  const row = await readVersion(context.db, subject.id);
  const connector = await connectorState(context.db, subject.connectorId);
  const refusal = action === 'release' ? releaseRefusal(connector, row) : unreleaseRefusal(row);
  const forbidden = action === 'release' && !mayRelease(context) ? denied() : null;
  const happens = refusal === null;
  const cleared = happens && action === 'release' ? grantsOf(row) : nowhere;
  const reason = forbidden ?? refusal;
  return {
    action,
    allowed: reason === null,
    reason: reason && refusalText(reason),
    'sites-gaining-access':
      happens && action === 'release' ? await affected(context, row, grantsOf(row)) : nobody,
    'sites-losing-access': happens && action === 'unrelease' ? await affected(context, row, nowhere) : nobody,
    'sites-in-use': await context.services.platform.sitesNamed(context.db, row.assigned_to_sites, most),
    'cleared-accounts': cleared.accounts,
    'cleared-projects': cleared.projects,
    'cleared-sites': cleared.sites,
    'main-version-number': {
      before: connector.mainVersion,
      after: happens
        ? await mainAfter(context, action, connector.mainVersion, subject)
        : connector.mainVersion,
    },
  };
};

/** Sites without access of their own: not granted, not in use, and not the version's dev site. */
const affected = ({ db, services }: Context, row: VersionRow, grants: Places): Promise<SiteNames> =>
  services.platform.sitesOutside(
    db,
    {
      ...grants,
      sites: [...grants.sites, ...row.assigned_to_sites, ...(row.dev_site === null ? [] : [row.dev_site])],
    },
    most,
  );

async function mainAfter(
  { db }: Context,
  action: 'release' | 'unrelease',
  before: number | null,
  { connectorId, major }: VersionSubject,
): Promise<number | null> {
  if (action === 'release') return before ?? major;
  return before === major ? newestReleased(db, connectorId, { except: major }) : before;
}
