import {
  ContainerApiConfigBody,
  executionLimitsBody,
  FeatureFlagsBody,
  usualGreatestLimits,
} from '../configuration.ts';
import { body, nullableText, optional, requiredText } from '../fields.ts';
import { imageReference } from '../image-reference.ts';
import { operation, type Refusal } from '../operation.ts';
import { ConnectorVersion, ExecutionConfig } from '../representations/connector.ts';
import { messages, texts } from '../texts.ts';
import { configurationRefusals, versionRefusals } from './versions.ts';

const chapter = '5.6 Execution';
const V = '/connectors/{publicId}/versions/{connectorVersion}';

const faulty = (errors: Record<string, string>): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors },
});

const setting = {
  method: 'PUT',
  chapter,
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
} as const;

export const connectorShowExecutionConfig = operation({
  id: 'connector_show_execution_config',
  method: 'GET',
  path: `${V}/execution-config`,
  chapter,
  tag: 'ours',
  summary: 'Show how a version is run, and what it may use',
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'version',
  success: {
    envelope: 'single',
    message: messages.list,
    resource: 'execution-config',
    data: ExecutionConfig,
  },
  refusals: versionRefusals,
});

export const connectorVersionExecutionConfigUpdateContainerApi = operation({
  ...setting,
  id: 'connector_version_execution_config_update_container_api',
  path: `${V}/execution-config/container-api`,
  tag: 'documented',
  summary: 'Choose the Container API of a version',
  access: 'write-403',
  body: body({
    image: optional(
      nullableText({
        min: 1,
        pattern: imageReference,
        texts: {
          blank: 'This value is not a valid image reference.',
          pattern: 'This value is not a valid image reference.',
        },
      }),
    ),
    'version-constraint': optional(requiredText()),
  }),
  rules: (given): Record<string, string> =>
    given.image === undefined && given['version-constraint'] === undefined
      ? { 'version-constraint': texts.blank }
      : {},
  success: { envelope: 'bare', message: messages.list, data: ConnectorVersion },
  refusals: [
    faulty({ image: 'This image is not allowed.' }),
    faulty({ 'version-constraint': 'This value is not a valid version constraint.' }),
    faulty({ 'version-constraint': 'No Container API version satisfies this constraint.' }),
    ...configurationRefusals,
  ],
});

export const connectorUpdateExecutionLimits = operation({
  ...setting,
  id: 'connector_update_execution_limits',
  path: `${V}/execution-config/limits`,
  tag: 'ours',
  summary: 'Set what one run may use',
  body: executionLimitsBody(usualGreatestLimits),
  // The greatest limits are a setting of the server.
  looseBody: true,
  success: { envelope: 'message', message: 'Execution limits successfully updated.' },
  refusals: [faulty({ 'memory-mb': texts.between(64, 8192) }), ...configurationRefusals],
});

export const connectorUpdateFeatureFlags = operation({
  ...setting,
  id: 'connector_update_feature_flags',
  path: `${V}/feature-flags`,
  tag: 'ours',
  summary: 'Set the feature flags of a version',
  body: FeatureFlagsBody,
  success: { envelope: 'message', message: 'Feature flags successfully updated.' },
  refusals: [faulty({ 'feature-flags[0]': texts.invalid }), ...configurationRefusals],
});

export const connectorUpdateContainerApiConfig = operation({
  ...setting,
  id: 'connector_update_container_api_config',
  path: `${V}/container-api-config`,
  tag: 'ours',
  summary: 'Set how the Container API serves a version',
  body: ContainerApiConfigBody,
  success: { envelope: 'message', message: 'Container API config successfully updated.' },
  refusals: [faulty({ 'batch-size-max': texts.between(1, 999) }), ...configurationRefusals],
});
