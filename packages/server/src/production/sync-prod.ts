import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { requireTransition, startAction } from '../operations/transitions.ts';
import { defaultsFor } from '../organizations/ownership.ts';
import type { Places } from '../platform/gateway.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import { lockVersion, type VersionRow } from '../versions/store.ts';
import { about } from './about.ts';
import { levels, type TargetsBody, targetsOf } from './places.ts';
import { givenTargets, refuseStranded, setTargets } from './targets.ts';

/** `POST …/sync/prod`: makes the configuration and the image as they are now the production copy. */
export const syncProd: Verb<(typeof operations)['connectorSyncProd']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    const targets = await chooseTargets(work, subject, row, body);
    await refuseStranded(work, row, targets);
    const transition = requireTransition(row, 'sync-prod');
    const changes = await setTargets(work, row, targets);
    const id = await startAction(work, {
      name: 'synchronize_to_prod',
      version: subject,
      config: {
        targetAccounts: targets.accounts,
        targetProjects: targets.projects,
        targetSites: targets.sites,
      },
      queue: 'state',
      transition,
    });
    await audit(work, {
      action: 'connector_sync_prod',
      ...about(subject),
      changes: [...changes, { path: 'state', from: transition.from, to: transition.during }],
    });
    return id;
  });

/** The first time, a scope that nobody has set comes from the defaults (product.md 2.4). */
async function chooseTargets(
  work: Context & { db: Work },
  subject: VersionSubject,
  row: VersionRow,
  body: TargetsBody,
): Promise<Places> {
  const targets = targetsOf(row);
  const given = levels.some((level) => body[`target-${level}`] !== undefined);
  const set = levels.some((level) => targets[level].length > 0);
  if (given || set || row.prod_config !== null) return givenTargets(row, body);
  const { prod } = await defaultsFor(work, { id: subject.ownerId, kind: subject.ownerKind });
  return prod ?? targets;
}
