import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { audit, type Change } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { setVersion } from '../operations/transitions.ts';
import type { Places } from '../platform/gateway.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import { lockVersion, type VersionRow, versionJson } from '../versions/store.ts';
import { about } from './about.ts';
import {
  grantsOf,
  onEach,
  outside,
  placeChanges,
  placeErrors,
  type TargetsBody,
  targetColumns,
  targetsOf,
} from './places.ts';

type Working = Context & { db: Work };

/** `POST …/targets`: adds, without doubles. The ids need not exist yet. */
export const addTargets: Verb<(typeof operations)['connectorTargetsAdd']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    const now = targetsOf(row);
    const added = onEach((level) => [...now[level], ...(body[`target-${level}`] ?? [])]);
    await saveTargets(work, 'connector_targets_add', subject, row, added);
    return versionJson(work.db, work.services.settings, subject.id);
  });

/** `PUT …/targets`: replaces all three lists. */
export const updateTargets: Verb<(typeof operations)['connectorTargetsUpdate']> = (
  context,
  { subject, body },
) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    const targets = onEach((level) => body[`target-${level}`] ?? []);
    await refuseStranded(work, row, targets);
    await saveTargets(work, 'connector_targets_update', subject, row, targets);
    return versionJson(work.db, work.services.settings, subject.id);
  });

async function saveTargets(
  work: Working,
  action: string,
  subject: VersionSubject,
  row: VersionRow,
  targets: Places,
): Promise<void> {
  const changes = await setTargets(work, row, targets);
  if (changes.length > 0) await audit(work, { action, ...about(subject), changes });
}

/** Stores the scope; what changed, for the audit trail. */
export async function setTargets(work: Working, row: VersionRow, targets: Places): Promise<Change[]> {
  const columns = targetColumns(targets);
  const changes = placeChanges(row, columns);
  if (changes.length > 0) await setVersion(work.db, row.id, columns);
  return changes;
}

/** The lists that are given, the others as they are. */
export const givenTargets = (row: VersionRow, body: TargetsBody): Places => {
  const now = targetsOf(row);
  return onEach((level) => body[`target-${level}`] ?? now[level]);
};

/** @throws 400 when access that is given would lie outside the scope */
export async function refuseStranded(work: Working, row: VersionRow, targets: Places): Promise<void> {
  const stranded = await outside(work, grantsOf(row), targets);
  const errors = placeErrors(stranded, 'target-', 'Access is still enabled for');
  if (Object.keys(errors).length > 0) throw badRequest(errors);
}
