import type { ConnectorType, operations } from '@slipway/contract';
import { lockConnector, setFlow } from '../connectors/release-state.ts';
import { inTransaction } from '../context.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { writeEntries } from '../events/log-store.ts';
import type { Verb } from '../http/route.ts';
import { refuseInFlight, setVersion, startAction } from '../operations/transitions.ts';
import { refuseUnlessChangeable } from '../versions/change-configuration.ts';
import { clearLegacyExecutables } from '../versions/legacy.ts';
import { lockVersionsOf, recordSiteUses } from '../versions/site-uses.ts';
import { lockVersion, type VersionRow, versionJson } from '../versions/store.ts';
import { transitionFor } from '../versions/transitions.ts';
import { about } from './about.ts';

type Operations = typeof operations;

/** Which legacy executables a type of connector can stand in for; a data service for none. */
const legacyKinds: Partial<Record<ConnectorType, 'source' | 'destination'>> = {
  datasource: 'source',
  download: 'source',
  transform: 'source',
  export: 'destination',
  'export-delta': 'destination',
  write: 'destination',
  upload: 'destination',
};

const notMigrating = 'Only connectors with the migration flow can have a legacy executable.';

/** `PUT …/migration`: from now on the form is frozen, since its keys have to be those that sites have stored. */
export const setLegacyExecutable: Verb<Operations['connectorSetLegacyExecutable']> = (
  context,
  { subject, body },
) =>
  inTransaction(context, async (work) => {
    const connector = await lockConnector(work.db, subject.connectorId);
    // All of them: whoever adds a field to another version looks whether this one has frozen it.
    await lockVersionsOf(work.db, [subject.connectorId]);
    const row = await lockVersion(work.db, subject.id);
    if (connector.flow !== 'migration') throw badRequest({ flow: notMigrating });
    const executable = body['legacy-executable'];
    const kind = await work.services.platform.keepLegacyExecutable(work.db, executable);
    if (kind === null || kind !== legacyKinds[subject.type]) {
      throw badRequest({ 'legacy-executable': 'Legacy executable not found.' });
    }
    refuseUnlessChangeable(row);
    if (row.legacy_executable !== executable) {
      await setVersion(work.db, subject.id, { legacy_executable: executable });
      await audit(work, {
        action: 'connector_set_legacy_executable',
        ...about(subject),
        changes: [
          { path: 'config.migration.legacy-executable', from: row.legacy_executable, to: executable },
        ],
      });
    }
    return versionJson(work.db, work.services.settings, subject.id);
  });

/** `PATCH …/migration/reset`: there is no way back; sites that were switched stay with the connector. */
export const resetMigration: Verb<Operations['connectorResetMigration']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    const connector = await lockConnector(work.db, subject.connectorId);
    await lockVersionsOf(work.db, [subject.connectorId]);
    const row = await lockVersion(work.db, subject.id);
    if (connector.flow !== 'migration') throw badRequest({ flow: notMigrating });
    refuseInFlight(row);
    await clearLegacyExecutables(work.db, subject.connectorId);
    await setFlow(work.db, subject.connectorId, 'default');
    await work.services.platform.forgetSwitches(work.db, subject.connectorId);
    await audit(work, {
      action: 'connector_reset_migration',
      ...about(subject),
      changes: [
        { path: 'flow', from: 'migration', to: 'default' },
        ...(row.legacy_executable === null
          ? []
          : [{ path: 'config.migration.legacy-executable', from: row.legacy_executable, to: null }]),
      ],
    });
    return versionJson(work.db, work.services.settings, subject.id);
  });

/** `POST …/migration/rollback`: exactly what the synchronization switched runs the legacy executable again. */
export const rollbackMigration: Verb<Operations['connectorRollbackMigration']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    const connector = await lockConnector(work.db, subject.connectorId);
    await lockVersionsOf(work.db, [subject.connectorId]);
    const row = await lockVersion(work.db, subject.id);
    const { executable, to } = requireRollback(connector.flow, row);
    const sites = await work.services.platform.switchBack(work.db, subject);
    await recordSiteUses(work, subject.connectorId);
    await setVersion(work.db, subject.id, { state: to });
    const id = await startAction(work, {
      name: 'rollback_migration',
      version: subject,
      config: { legacyExecutable: executable },
      done: { 'switched-sites': sites },
    });
    const message = `Sites that run the legacy executable ${executable} again: ${sites.join(', ') || 'none'}.`;
    await writeEntries(work.db, work.services.settings.timeZone, id, [
      { level: 'info', source: 'switch-back', message },
    ]);
    await audit(work, {
      action: 'connector_rollback_migration',
      ...about(subject),
      changes: [{ path: 'state', from: row.state, to }],
    });
    return versionJson(work.db, work.services.settings, subject.id);
  });

function requireRollback(flow: string, row: VersionRow): { executable: number; to: string } {
  if (flow !== 'migration') {
    throw badRequest({ flow: 'Only connectors with the migration flow can be rolled back.' });
  }
  if (row.legacy_executable === null) {
    throw badRequest({ version: 'Connector does not have a legacy executable.' });
  }
  const transition = transitionFor('rollback', row.state);
  if (!transition) throw badRequest({ version: 'Connector must be synchronized to prod.' });
  return { executable: row.legacy_executable, to: transition.to };
}
