import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { notFound, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { forgetCheckpoints } from '../runs/checkpoints.ts';
import { isDevSite } from '../versions/platform-references.ts';
import { lockVersionsOf, recordSiteUses } from '../versions/site-uses.ts';
import { removeDataSets } from './data-set-files.ts';
import { removeExchange } from './exchange-storage.ts';
import { removeFormValues } from './form-values.ts';
import { removeMemberships } from './memberships.ts';
import { dataSourcePlace, sitePlace } from './places.ts';
import { requireNoProcess } from './queue-process.ts';
import { connectorsOnSite } from './uses.ts';

/** Deletes a site; sources, data sets and processes go with it, the connectors' runs stay with the connectors. */
export const siteDelete: Verb<(typeof operations)['platformSiteDelete']> = async (context, { subject }) => {
  const sources = await inTransaction(context, async (work) => {
    const { name, sources } = await removeSite(work, subject.id);
    await audit(work, { action: 'platform_site_delete', entity: { type: 'site', id: subject.id, name } });
    return sources;
  });
  // Rows first: a file that is left over harms nobody, a data set without its file would.
  await removeExchange(context.services, sources);
  await removeDataSets(context.services.storage, subject.id);
};

/**
 * Removes the rows of a site. The caller removes the files of its sources and data sets when that is certain.
 *
 * @returns its name, and the ids of the sources it had
 * @throws 400 while it is processed, or the dev site of a connector
 */
export async function removeSite(
  work: Context & { db: Work },
  id: number,
): Promise<{ name: string; sources: number[] }> {
  const { db } = work;
  const connectors = await connectorsOnSite(db, id);
  await lockVersionsOf(db, connectors);
  const site = await db
    .selectFrom('sites')
    .select('name')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (!site) throw notFound('Site');
  if (await isDevSite(db, id)) throw refused('Site is the dev site of a connector.');
  await requireNoProcess(db, id);
  const used = await connectorsOnSite(db, id);
  const rows = await db.selectFrom('data_sources').select('id').where('site_id', '=', id).execute();
  const sources = rows.map((row) => row.id);
  await removeFormValues(db, work.services.vault, sources);
  await forgetCheckpoints(db, [sitePlace(id), ...sources.map(dataSourcePlace)]);
  await removeMemberships(db, 'site', id);
  await db.deleteFrom('sites').where('id', '=', id).execute();
  for (const connector of used) await recordSiteUses(work, connector);
  return { name: site.name, sources };
}
