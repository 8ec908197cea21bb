import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { refuseInFlight, setVersion, startAction } from '../operations/transitions.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import { lockVersion } from '../versions/store.ts';
import { type DevPlace, requireDevPlace } from './dev-site.ts';

/** `POST …/platform-dev-site`: makes sure in the background that the dev site exists. */
export const createPlatformSite: Verb<(typeof operations)['connectorCreatePlatformSite']> = (
  context,
  { subject },
) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    refuseInFlight(row);
    const pending = await pendingSite(work.db, subject.id);
    if (pending) return pending;
    const place = await requireDevPlace(work, subject, row);
    const { account, project, site } = place;
    if (row.dev_account !== account || row.dev_project !== project) {
      await setVersion(work.db, subject.id, { dev_account: account, dev_project: project });
    }
    const id = await startAction(work, {
      name: 'create_platform_site',
      version: subject,
      config: { account, project, site },
      ...((await isThere(work, place)) ? { done: { account, project, site } } : { queue: 'state' }),
    });
    await audit(work, {
      action: 'connector_create_platform_site',
      entity: {
        type: 'connector-version',
        id: `${subject.connectorId}/${subject.major}`,
        name: subject.name,
      },
      connector: subject.connectorId,
      changes: devChanges(row, account, project),
    });
    return id;
  });

/** Account and project that come from the defaults. */
const devChanges = (
  row: { dev_account: number | null; dev_project: number | null },
  account: number,
  project: number | null,
) => [
  ...(row.dev_account === account
    ? []
    : [{ path: 'platform_dev_reference.account', from: row.dev_account, to: account }]),
  ...(row.dev_project === project
    ? []
    : [{ path: 'platform_dev_reference.project', from: row.dev_project, to: project }]),
];

async function pendingSite(db: Work, versionId: VersionSubject['id']): Promise<string | null> {
  const found = await db
    .selectFrom('states')
    .select('id')
    .where('version_id', '=', versionId)
    .where('name', '=', 'create_platform_site')
    .where('status', '=', 'pending')
    .executeTakeFirst();
  return found?.id ?? null;
}

async function isThere(
  { db, services }: Context & { db: Work },
  { account, project, site }: DevPlace,
): Promise<boolean> {
  return (
    project !== null &&
    site !== null &&
    (await services.platform.projectBelongsTo(db, project, account)) &&
    (await services.platform.siteBelongsTo(db, site, project))
  );
}
