import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import type { Defaults } from './ownership.ts';
import { lockOrganization, organizationJson } from './store.ts';

type Body = Input<typeof operations.updateOrganizationDefaultTargets>['body'];

/** The defaults of a body, complete and in the order the API shows them; what is absent is null, a list empty. */
export function defaultsOf(body: Body): Defaults {
  const dev = body['dev-defaults'];
  const prod = body['prod-defaults'];
  return {
    dev: dev ? { account: dev.account, project: dev.project ?? null } : null,
    prod: prod
      ? { accounts: prod.accounts ?? [], projects: prod.projects ?? [], sites: prod.sites ?? [] }
      : null,
  };
}

/** The columns that hold defaults, as organizations and users have them. */
export const defaultsColumns = ({ dev, prod }: Defaults) => ({
  dev_defaults: dev && JSON.stringify(dev),
  prod_defaults: prod && JSON.stringify(prod),
});

/** What a change of defaults changes, for the audit trail. */
export const defaultsChanges = (row: { dev_defaults: unknown; prod_defaults: unknown }, next: Defaults) =>
  changesBetween(
    { 'dev-defaults': row.dev_defaults, 'prod-defaults': row.prod_defaults },
    { 'dev-defaults': next.dev, 'prod-defaults': next.prod },
  );

/** `PUT /defaults/organizations/{organizationId}`: for versions made from now on. */
export function updateDefaultTargets(
  context: Context,
  { subject, body }: Input<typeof operations.updateOrganizationDefaultTargets>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await lockOrganization(work.db, subject.id);
    const next = defaultsOf(body);
    const changes = defaultsChanges(row, next);
    if (changes.length > 0) {
      await work.db
        .updateTable('organizations')
        .set({ ...defaultsColumns(next), updated_at: new Date() })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'update_organization_default_targets',
        entity: { type: 'organization', id: subject.id, name: row.name },
        changes,
      });
    }
    return organizationJson(work.db, subject.id);
  });
}
