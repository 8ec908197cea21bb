import type { operations } from '@slipway/contract';
import { type Context, inTransaction, type Work } from '../context.ts';
import { notFound, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { isDevSite } from '../versions/platform-references.ts';
import { lockVersionsOf, recordSiteUses } from '../versions/site-uses.ts';
import { removeDataSets } from './data-set-files.ts';
import { removeExchange } from './exchange-storage.ts';
import { removeFormValues } from './form-values.ts';
import { removeMemberships } from './memberships.ts';
import { connectorsOnSite } from './uses.ts';

/** Deletes a site; sources, data sets and processes go with it, the connectors' runs stay with the connectors. */
export const siteDelete: Verb<(typeof operations)['platformSiteDelete']> = async (context, { subject }) => {
  const sources = await inTransaction(context, (work) => removeSite(work, subject.id));
  // Rows first: a file that is left over harms nobody, a data set without its file would.
  await removeExchange(context.services, sources);
  await removeDataSets(context.services.storage, subject.id);
};

/** Ids of the sources the site had. */
async function removeSite(work: Context & { db: Work }, id: number): Promise<number[]> {
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
  if (await isProcessed(db, id)) throw refused('Site is being processed.');
  const used = await connectorsOnSite(db, id);
  const rows = await db.selectFrom('data_sources').select('id').where('site_id', '=', id).execute();
  const sources = rows.map((row) => row.id);
  await removeFormValues(db, work.services.vault, sources);
  await removeMemberships(db, 'site', id);
  await db.deleteFrom('sites').where('id', '=', id).execute();
  for (const connector of used) await recordSiteUses(work, connector);
  await audit(work, { action: 'platform_site_delete', entity: { type: 'site', id, name: site.name } });
  return sources;
}

async function isProcessed(db: Work, site: number): Promise<boolean> {
  const row = await db
    .selectFrom('processes')
    .select('id')
    .where('site_id', '=', site)
    .where('status', 'in', ['queued', 'running'])
    .limit(1)
    .executeTakeFirst();
  return row !== undefined;
}
