import { type ConnectorType, messages, type Operation, operations } from '@slipway/contract';
import type { Context } from '../context.ts';
import { badRequest } from '../errors.ts';
import type { Input } from '../http/route.ts';
import { changeConfiguration } from './change-configuration.ts';
import { configurationDiff } from './configuration-diff.ts';
import { dataServiceDefaults, exportDefaults } from './insert-version.ts';
import type { VersionSubject } from './resolver.ts';
import type { VersionRow } from './store.ts';

type Column = 'datasource_config' | 'export_config' | 'data_service_config';
type Config = Record<string, unknown>;

/** `PUT …/datasource-configs`; duplicates count once. */
export const updateDatasourceConfig = (
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateDatasourceConfig>,
): Promise<void> =>
  change(context, operations.connectorUpdateDatasourceConfig, subject, {
    types: ['datasource'],
    column: 'datasource_config',
    next: () => ({ categories: [...new Set(body.categories)] }),
  });

/** `PUT …/export-configs`: replaces all but the channels, which have an operation of their own. */
export const updateExportConfig = (
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateExportConfig>,
): Promise<void> =>
  change(context, operations.connectorUpdateExportConfig, subject, {
    types: ['export', 'export-delta'],
    column: 'export_config',
    next: (before) => {
      const feedback = body['feedback-application-config'];
      return {
        ...exportDefaults,
        channels: before.channels ?? [],
        'feedback-file-enabled': body['feedback-file-enabled'],
        'feedback-file-source-connection-column': body['feedback-file-source-connection-column'] || null,
        'feedback-file-target-connection-column': body['feedback-file-target-connection-column'] || null,
        'feedback-application-config': feedback
          ? { command: feedback.command, arguments: feedback.arguments || null }
          : null,
      };
    },
  });

/** `PUT …/data-service-configs` */
export const updateDataServiceConfig = (
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateDataServiceConfig>,
): Promise<void> =>
  change(context, operations.connectorUpdateDataServiceConfig, subject, {
    types: ['data-service'],
    column: 'data_service_config',
    next: () => ({
      ...dataServiceDefaults,
      'column-prefix': body['column-prefix'] || null,
      'service-type': body['service-type'] ?? 'internal',
      stages: [...new Set(body.stages)],
      'max-usage': body['max-usage'] ?? null,
      'service-category': body['service-category'] || null,
      datasource: body.datasource ?? null,
    }),
  });

interface TypeConfig {
  types: readonly ConnectorType[];
  column: Column;
  /** The configuration as the API shows it, made from the one that is stored. */
  next: (before: Config) => Config;
}

/** @throws 400 W400, and what every configuration change refuses */
async function change(
  context: Context,
  operation: Operation,
  subject: VersionSubject,
  { types, column, next }: TypeConfig,
): Promise<void> {
  if (!types.includes(subject.type)) throw badRequest({ connector: messages.wrongType(subject.type) });
  await changeConfiguration(context, operation, subject, async (_work, row: VersionRow) => {
    const before = (row[column] ?? {}) as Config;
    const config = next(before);
    return {
      columns: { [column]: JSON.stringify(config) },
      changes: configurationDiff(before, config),
    };
  });
}
