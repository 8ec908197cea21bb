import type { ConnectorType, ExecutionMode } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import type { Defaults } from '../organizations/ownership.ts';

interface NewVersion {
  connectorId: string;
  major: number;
  type: ConnectorType;
  name: string;
  description: string | null;
  readme: string | null;
  executionMode: ExecutionMode;
  defaults: Defaults;
}

/** What only one kind of connector has, as it is after `connector_create` (3.3.6, 3.3.7, 3.3). */
export const exportDefaults = {
  channels: [],
  'channel-config': [],
  'feedback-file-enabled': false,
  'feedback-file-source-connection-column': null,
  'feedback-file-target-connection-column': null,
  'feedback-application-config': null,
};
export const dataServiceDefaults = {
  'column-prefix': null,
  'service-type': null,
  stages: [],
  'max-usage': null,
  'service-category': null,
  datasource: null,
};

/** A fresh version in state `created`; gives its id. */
export async function insertVersion(work: Context & { db: Work }, version: NewVersion): Promise<string> {
  const { settings } = work.services;
  const { dev, prod } = version.defaults;
  const isExport = version.type === 'export' || version.type === 'export-delta';
  const id = newId();
  await work.db
    .insertInto('connector_versions')
    .values({
      id,
      connector_id: version.connectorId,
      major: version.major,
      name: version.name,
      description: version.description,
      readme: version.readme,
      state: 'created',
      execution_mode: version.executionMode,
      container_api_default_image: settings.containerApiImage,
      container_api_constraint: settings.containerApiConstraint,
      docker_host: settings.dockerHost,
      export_config: isExport ? JSON.stringify(exportDefaults) : null,
      data_service_config: version.type === 'data-service' ? JSON.stringify(dataServiceDefaults) : null,
      datasource_config: version.type === 'datasource' ? '{"categories":[]}' : null,
      dev_account: dev?.account ?? null,
      dev_project: dev?.project ?? null,
      target_accounts: prod?.accounts ?? [],
      target_projects: prod?.projects ?? [],
      target_sites: prod?.sites ?? [],
    })
    .execute();
  return id;
}
