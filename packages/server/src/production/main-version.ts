import { type ConnectorState, setMainVersion } from '../connectors/release-state.ts';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import type { Change } from '../events/audit.ts';
import { newestReleased } from '../versions/production.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import { isInProduction } from '../versions/transitions.ts';

type Working = Context & { db: Work };

/** A main version has to be in production; the first that is released becomes it. */
export async function enterProduction(
  work: Working,
  connector: ConnectorState,
  { connectorId, major }: VersionSubject,
): Promise<Change[]> {
  if (connector.mainVersion !== null) return [];
  await setMainVersion(work.db, connectorId, major);
  return [{ path: 'main-version-number', from: null, to: major }];
}

/**
 * A main version that is no longer in production gives way to the newest released one, or to none.
 *
 * @param after the version as it is now
 */
export async function leaveProduction(
  work: Working,
  connector: ConnectorState,
  { connectorId, major }: VersionSubject,
  after: Parameters<typeof isInProduction>[0],
): Promise<Change[]> {
  if (connector.mainVersion !== major || isInProduction(after)) return [];
  const next = await newestReleased(work.db, connectorId);
  await setMainVersion(work.db, connectorId, next);
  return [{ path: 'main-version-number', from: major, to: next }];
}
