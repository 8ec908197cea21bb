import { runtimeEnvironments } from '../enums.ts';
import { body, choice, nullablePositiveInteger, nullableText, optional, positiveInteger } from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { ConnectorVersion } from '../representations/connector.ts';
import { messages, texts } from '../texts.ts';
import { versionRefusals } from './versions.ts';

const V = '/connectors/{publicId}/versions/{connectorVersion}';

const field = (key: string, text: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: text } },
});
const sentence = (message: string): Refusal => ({ status: 400, body: { message, errors: [] } });

const inFlight = sentence(messages.transition('building'));
const accountMissing = sentence('Dev account is missing.');
const channelMissing = field('channels', 'Assign at least one channel first.');
const runtimeVersionMissing = sentence(
  'Missing connector runtime version for runtime environment bin-docker-wrapper.',
);

export const connectorSyncRuntime = operation({
  id: 'connector_sync_runtime',
  method: 'POST',
  path: `${V}/sync-runtime`,
  chapter: '5.1 Connectors',
  tag: 'documented',
  summary: 'Register the built image with the runtime',
  access: 'write-403',
  scope: 'releases:write',
  subject: 'version',
  success: {
    envelope: 'message',
    message: 'Successfully synchronized the version of the connector with runtime.',
  },
  refusals: [inFlight, runtimeVersionMissing, sentence('The engine is not reachable'), ...versionRefusals],
});

const runtimeBody = body({
  environment: choice(runtimeEnvironments),
  // Its form matters for bin-docker-wrapper only, so the verb checks it.
  version: optional(nullableText()),
});

export const connectorUpdateRuntimeProd = operation({
  id: 'connector_update_runtime_prod',
  method: 'PUT',
  path: `${V}/runtime/prod`,
  chapter: '5.1 Connectors',
  tag: 'documented',
  summary: 'Choose the runtime of the production side',
  access: 'admin',
  scope: 'releases:write',
  subject: 'version',
  body: runtimeBody,
  success: {
    envelope: 'message',
    message: 'Successfully updated connector prod runtime for version 1.0.0.',
  },
  refusals: [runtimeVersionMissing, field('version', texts.invalid), ...versionRefusals],
});

export const connectorUpdateRuntimeDev = operation({
  id: 'connector_update_runtime_dev',
  method: 'PUT',
  path: `${V}/runtime/dev`,
  chapter: '5.1 Connectors',
  tag: 'ours',
  summary: 'Choose the runtime of the dev side',
  access: 'admin',
  scope: 'releases:write',
  subject: 'version',
  body: runtimeBody,
  success: {
    envelope: 'message',
    message: 'Successfully updated connector dev runtime for version 1.0.0.',
  },
  refusals: [runtimeVersionMissing, field('version', texts.invalid), ...versionRefusals],
});

const deployment = {
  chapter: '5.9 Deployment',
  access: 'write-404',
  scope: 'releases:write',
  subject: 'version',
} as const;

export const connectorCreatePlatformSite = operation({
  ...deployment,
  id: 'connector_create_platform_site',
  method: 'POST',
  path: `${V}/platform-dev-site`,
  tag: 'documented',
  summary: 'Make sure that the dev site exists',
  success: { envelope: 'background', message: 'Platform Site will be created in the background.' },
  refusals: [accountMissing, inFlight, ...versionRefusals],
});

export const connectorSyncDev = operation({
  ...deployment,
  id: 'connector_sync_dev',
  method: 'POST',
  path: `${V}/sync/dev`,
  tag: 'ours',
  summary: 'Synchronize a version with its dev site',
  success: { envelope: 'background', message: 'Connector will be synchronized to dev in the background.' },
  refusals: [accountMissing, channelMissing, inFlight, ...versionRefusals],
});

export const connectorAssignToDevSite = operation({
  ...deployment,
  id: 'connector_assign_to_dev_site',
  method: 'POST',
  path: `${V}/assign-to-sites/dev`,
  tag: 'documented',
  summary: 'Put a version on its dev site',
  success: {
    envelope: 'single',
    message: 'Connector assigned to dev site.',
    resource: 'connector-version',
    data: ConnectorVersion,
  },
  refusals: [
    field('connector', 'Connector must have dev site assigned.'),
    field('connector', 'Connector must be synchronized to dev.'),
    channelMissing,
    ...versionRefusals,
  ],
});

export const connectorUpdateDevReference = operation({
  ...deployment,
  id: 'connector_update_dev_reference',
  method: 'PUT',
  path: `${V}/platform-dev-reference`,
  tag: 'ours',
  summary: 'Choose account, project and site of the dev side',
  body: body({
    account: positiveInteger(),
    project: optional(nullablePositiveInteger()),
    site: optional(nullablePositiveInteger()),
  }),
  success: {
    envelope: 'single',
    message: 'Dev reference updated.',
    resource: 'connector-version',
    data: ConnectorVersion,
  },
  refusals: [
    field('account', texts.positive),
    field('account', 'Account not found.'),
    field('account', 'You may not use this account.'),
    field('project', 'Project does not belong to the account.'),
    field('site', 'Site does not belong to the project.'),
    inFlight,
    ...versionRefusals,
  ],
});
