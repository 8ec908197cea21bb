import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { refuseInFlight, setVersion } from '../operations/transitions.ts';
import { mayUseDevAccount } from '../organizations/dev-accounts.ts';
import { recordSiteUses } from '../versions/site-uses.ts';
import { lockVersion, versionJson } from '../versions/store.ts';
import { type DevPlace, unassigned } from './dev-site.ts';

/** `PUT …/platform-dev-reference`: account, project and site; on another site the version stands nowhere yet. */
export const updateDevReference: Verb<(typeof operations)['connectorUpdateDevReference']> = (
  context,
  { subject, body },
) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    const place = { account: body.account, project: body.project ?? null, site: body.site ?? null };
    await checkPlace(work, place);
    refuseInFlight(row);
    const changes = changesBetween(
      { account: row.dev_account, project: row.dev_project, site: row.dev_site },
      { ...place },
    );
    if (changes.length > 0) {
      await setVersion(work.db, subject.id, {
        dev_account: place.account,
        dev_project: place.project,
        dev_site: place.site,
        ...(row.dev_site === place.site ? {} : unassigned),
      });
      // What the version runs on the former dev site counts from now on, on the new one no longer.
      if (row.dev_site !== place.site) await recordSiteUses(work, subject.connectorId);
      await audit(work, {
        action: 'connector_update_dev_reference',
        entity: {
          type: 'connector-version',
          id: `${subject.connectorId}/${subject.major}`,
          name: subject.name,
        },
        connector: subject.connectorId,
        changes: changes.map((change) => ({ ...change, path: `platform_dev_reference.${change.path}` })),
      });
    }
    return versionJson(work.db, context.services.settings, subject.id);
  });

/** @throws 400 when a part does not exist, does not belong to the one above it, or is not the caller's to use */
async function checkPlace(work: Context & { db: Work }, { account, project, site }: DevPlace): Promise<void> {
  const { platform } = work.services;
  if (!(await platform.accountExists(work.db, account))) throw badRequest({ account: 'Account not found.' });
  if (!(await mayUseDevAccount(work, account))) {
    throw badRequest({ account: 'You may not use this account.' });
  }
  if (project !== null && !(await platform.projectBelongsTo(work.db, project, account))) {
    throw badRequest({ project: 'Project does not belong to the account.' });
  }
  if (site !== null && (project === null || !(await platform.siteBelongsTo(work.db, site, project)))) {
    throw badRequest({ site: 'Site does not belong to the project.' });
  }
}
