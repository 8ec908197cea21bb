import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { chooseOwner } from '../organizations/ownership.ts';
import { authenticationField, fieldRow } from '../versions/individual-configs.ts';
import {
  prefixed,
  requireAuthentications,
  requireSecrets,
  storeAuthentications,
  storeSecrets,
} from '../versions/registrations.ts';
import { stateAfterChange } from '../versions/transitions.ts';
import { checkLimit, insertConnector } from './create-connector.ts';
import { type ImportedConnector, isErrors, readImport } from './read-import.ts';
import { connectorJson, connectorRepresentation } from './store.ts';

/** `POST /connectors/copy`: a new connector from the JSON of another; deployed copies and credentials stay behind. */
export async function importConnector(
  context: Context,
  { body }: Input<typeof operations.connectorImport>,
): Promise<RawJson> {
  const { settings } = context.services;
  const imported = readImport(body as Record<string, unknown>, {
    allowLocal: settings.allowLocalRepositories,
  });
  if (isErrors(imported)) throw badRequest(imported);
  return inTransaction(context, async (work) => {
    const { actor } = work;
    const usable = actor.role === 'admin' ? null : [actor.id, ...actor.organizations];
    const secrets = await requireSecrets(work, imported.secrets, usable);
    await requireAuthentications(work.db, imported.authentications, 'authenticationRegistrations');
    const owner = await chooseOwner(work, undefined);
    await checkLimit(work.db, owner);
    const { id, versionId } = await insertConnector(
      work,
      owner,
      copyOf(imported, settings.defaultExecutionMode),
    );
    await storeSecrets(work.db, versionId, secrets);
    await storeAuthentications(work.db, versionId, imported.authentications);
    await storeFields(work.db, versionId, imported);
    await storeConfig(work.db, versionId, imported);
    await audit(work, {
      action: 'connector_import',
      entity: { type: 'connector', id, name: `${imported.name} - Copy` },
      connector: id,
      changes: [{ path: 'name', from: null, to: `${imported.name} - Copy` }],
    });
    return connectorJson(work.db, id, connectorRepresentation(settings));
  });
}

function copyOf(imported: ImportedConnector, defaultMode: ImportedConnector['executionMode'] & string) {
  return {
    type: imported.type,
    name: suffixed(imported.name),
    description: imported.description,
    readme: imported.readme,
    flow: imported.flow,
    executionMode: imported.executionMode ?? defaultMode,
    version: {
      name: suffixed(imported.version.name ?? imported.name),
      description: imported.version.description ?? imported.description,
      readme: imported.version.readme ?? imported.readme,
    },
  };
}

/** The suffix must not push a long name over its limit. */
const suffixed = (name: string): string => `${[...name].slice(0, 248).join('')} - Copy`;

/** The fields in their order, then the one for choosing an authentication. */
async function storeFields(db: Work, versionId: string, imported: ImportedConnector): Promise<void> {
  let order = 0;
  const rows = imported.individuals.map((field) => {
    const row = fieldRow(versionId, field, order + 1);
    order = Math.max(order, row.order);
    return row;
  });
  if (imported.authentications.length > 0) rows.push(authenticationField(versionId, order + 1));
  if (rows.length > 0) await db.insertInto('individual_configs').values(rows).execute();
}

async function storeConfig(db: Work, versionId: string, imported: ImportedConnector): Promise<void> {
  const progress = [
    ...(imported.vcs ? ['vcs-config'] : []),
    ...(imported.application ? ['application-config'] : []),
  ];
  await db
    .updateTable('connector_versions')
    .set({
      state: isConfigured(imported) ? stateAfterChange(progress) : 'created',
      update_progress: progress,
      command: imported.application?.command ?? null,
      arguments: imported.application?.arguments ?? null,
      health_check: imported.application?.healthCheck ?? null,
      ...(imported.vcs
        ? { vcs_authorization: 'public', vcs_url: imported.vcs.url, vcs_branch: imported.vcs.branch }
        : {}),
      authentication_fields: prefixed(imported.additionalFields),
      feature_flags: imported.featureFlags,
      container_api_config: imported.containerApiConfig && JSON.stringify(imported.containerApiConfig),
      export_config: imported.exportConfig && JSON.stringify(imported.exportConfig),
      data_service_config: imported.dataServiceConfig && JSON.stringify(imported.dataServiceConfig),
      datasource_config:
        imported.type === 'datasource'
          ? JSON.stringify({ categories: [...new Set(imported.categories)] })
          : null,
    })
    .where('id', '=', versionId)
    .execute();
}

/** Without any configuration the copy is as new as one that was just created. */
const isConfigured = (imported: ImportedConnector): boolean =>
  imported.application !== null ||
  imported.vcs !== null ||
  imported.containerApiConfig !== null ||
  [imported.secrets, imported.authentications, imported.individuals, imported.featureFlags].some(
    (list) => list.length > 0,
  );
