import { operations } from '@slipway/contract';
import { lockConnector } from '../connectors/store.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { refused, wrongState } from '../errors.ts';
import type { Input } from '../http/route.ts';
import { isActivelyUsed } from './active-use.ts';
import { auditVersion } from './audit-version.ts';
import { lockVersions, type VersionRow } from './store.ts';
import { isInFlight } from './transitions.ts';

/** `DELETE /connectors/{publicId}/versions/{connectorVersion}`: for good; the dev site stays. */
export async function deleteVersion(
  context: Context,
  { subject }: Input<typeof operations.connectorVersionDelete>,
): Promise<void> {
  await inTransaction(context, async (work) => {
    const { db } = work;
    // Two deletions at once must not take the last two versions.
    await lockConnector(db, subject.connectorId);
    const versions = await lockVersions(db, subject.connectorId);
    const row = versions.find(({ id }) => id === subject.id);
    if (!row) return;
    if (versions.length === 1) throw refused('A connector must keep one version.');
    if (await isActivelyUsed(db, [row])) throw refused('Version is actively used on the platform.');
    if (isInFlight(row.state)) throw wrongState(row.state);
    await removeVersions(work, [row]);
    await auditVersion(work, operations.connectorVersionDelete, subject, [
      { path: 'version', from: `${row.major}.0.${row.patch}`, to: null },
    ]);
  });
}

/**
 * Removes versions with their credentials, links, logos and entries on the platform. Builds, runs and states stay.
 * The caller holds the rows and has looked whether they may go.
 */
export async function removeVersions(
  { db, services: { vault, platform } }: Context & { db: Work },
  versions: readonly VersionRow[],
): Promise<void> {
  for (const { id: versionId, connector_id: connectorId, major } of versions) {
    await platform.removeVersion({ db, vault }, { versionId, connectorId, major });
  }
  await db
    .deleteFrom('connector_versions')
    .where(
      'id',
      'in',
      versions.map(({ id }) => id),
    )
    .execute();
  const credentials = versions.flatMap(({ vcs_token: token, vcs_deploy_key: key }) => [token, key]);
  await vault.remove(db, ...credentials.filter((id) => id !== null));
}
