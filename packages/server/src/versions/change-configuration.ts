import { messages, type Operation, type UpdateStep } from '@slipway/contract';
import { sql, type Updateable } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import type { ConnectorVersions } from '../database/schema.ts';
import { refused, wrongState } from '../errors.ts';
import type { Change } from '../events/audit.ts';
import { auditVersion } from './audit-version.ts';
import type { VersionSubject } from './resolver.ts';
import { lockVersion, type VersionRow } from './store.ts';
import { isInFlight, isInProduction, stateAfterChange } from './transitions.ts';

/** What a configuration change does to the version's row, and what the audit trail says of it. */
export interface ConfigurationChange {
  columns?: Updateable<ConnectorVersions>;
  /** The required step that is done with it. */
  finishes?: UpdateStep;
  changes: Change[];
}

/**
 * A configuration change (⚙, chapter 4): refused in flight and in production, it brings the version to `updating` or
 * `updated`. `change` runs on the locked row, so two writers at once never lose an update.
 *
 * @throws 400 T400, P400, and whatever `change` refuses
 */
export function changeConfiguration(
  context: Context,
  operation: Operation,
  version: VersionSubject,
  change: (work: Context & { db: Work }, row: VersionRow) => Promise<ConfigurationChange>,
): Promise<void> {
  return inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, version.id);
    // Rules of fields come before rules of state (1.3); what `change` has written by then is rolled back.
    const { columns = {}, finishes, changes } = await change(work, row);
    refuseUnlessChangeable(row);
    const progress =
      finishes && !row.update_progress.includes(finishes)
        ? [...row.update_progress, finishes]
        : row.update_progress;
    await work.db
      .updateTable('connector_versions')
      .set({
        ...columns,
        update_progress: progress,
        state: stateAfterChange(progress),
        updated_at: sql<Date>`now()`,
      })
      .where('id', '=', version.id)
      .execute();
    await auditVersion(work, operation, version, changes);
  });
}

/** @throws T400 in flight, P400 in production */
export function refuseUnlessChangeable(row: VersionRow): void {
  if (isInFlight(row.state)) throw wrongState(row.state);
  if (isInProduction(row)) throw refused(messages.inProduction);
}
