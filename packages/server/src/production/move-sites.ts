import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { findVersion, type VersionSubject } from '../versions/resolver.ts';
import { lockVersionsOf, recordSiteUses } from '../versions/site-uses.ts';
import { readVersion } from '../versions/store.ts';
import { about } from './about.ts';

/** `POST …/sites/move`: the way forward to a new version, and back to an older one that is still deployed. */
export const moveSites: Verb<(typeof operations)['connectorMoveSites']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    // Both versions stay as they are: what is offered, what is deployed, and which sites use them.
    await lockVersionsOf(work.db, [subject.connectorId]);
    const target = await requireTarget(work, subject, String(body.version));
    const sites = await chooseSites(work, subject, body.sites);
    const { platform } = work.services;
    const move = { connectorId: subject.connectorId, from: subject.major, to: target.major };
    const result = await platform.moveSites(work, move, sites);
    if (result.moved.length > 0) {
      await recordSiteUses(work, subject.connectorId);
      await audit(work, {
        action: 'connector_move_sites',
        ...about(subject),
        changes: result.moved.map((site) => ({
          path: `sites.${site}.version`,
          from: subject.major,
          to: target.major,
        })),
      });
    }
    return result;
  });

/** @throws 400 unless it is another version with a production copy */
async function requireTarget(
  work: Context & { db: Work },
  { id, connectorId }: VersionSubject,
  selector: string,
): Promise<VersionSubject> {
  const { version } = await findVersion(work, connectorId, selector);
  if (!version || version.id === id) throw badRequest({ version: 'Connector version not found.' });
  const row = await readVersion(work.db, version.id);
  if (row.prod_config === null) throw badRequest({ version: 'Connector must be synchronized to prod.' });
  return version;
}

/** The sites named, else all production sites of the version. @throws 400 for sites that do not use it */
async function chooseSites(
  work: Context & { db: Work },
  { id, connectorId, major }: VersionSubject,
  named: readonly number[] | undefined,
): Promise<readonly number[]> {
  if (named === undefined) return (await readVersion(work.db, id)).assigned_to_sites;
  const using = (await work.services.platform.sitesUsing(work.db, connectorId)).get(major) ?? [];
  const strangers = [...new Set(named)].filter((site) => !using.includes(site));
  if (strangers.length > 0) {
    throw badRequest({ sites: `Sites don't use this version: ${strangers.join(',')}` });
  }
  return named;
}
