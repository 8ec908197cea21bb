/** The enums of chapter 2 of the REST contract, in its order. */

export const connectorTypes = [
  'datasource',
  'export',
  'export-delta',
  'data-service',
  'download',
  'transform',
  'write',
  'upload',
] as const;
export type ConnectorType = (typeof connectorTypes)[number];

export const flows = ['default', 'standalone', 'migration'] as const;
export type Flow = (typeof flows)[number];

export const stableStates = [
  'created',
  'updating',
  'updated',
  'built',
  'synchronized-to-dev',
  'synchronized-to-prod',
] as const;
export const inFlightStates = [
  'building',
  'synchronizing-to-dev',
  'resynchronizing-to-dev',
  'synchronizing-to-prod',
  'resynchronizing-to-prod',
] as const;
export const versionStates = [...stableStates, ...inFlightStates] as const;
export type VersionState = (typeof versionStates)[number];

export const updateSteps = ['vcs-config', 'application-config'] as const;
export type UpdateStep = (typeof updateSteps)[number];

export const executionModes = ['as-env-variables', 'as-command-options'] as const;
export type ExecutionMode = (typeof executionModes)[number];

export const runtimeEnvironments = ['cre', 'bin-docker-wrapper'] as const;
export type RuntimeEnvironment = (typeof runtimeEnvironments)[number];

export const vcsAuthorizations = ['public', 'basic', 'deploy-key'] as const;
export type VcsAuthorization = (typeof vcsAuthorizations)[number];

/** What an integrator may choose; `authentication_select` is made by the server alone. */
export const fieldTypes = [
  'input',
  'textarea',
  'password',
  'checkbox',
  'select',
  'select_multiple',
  'stage_columns_dropdown',
] as const;
export const authenticationSelect = 'authentication_select';
export type FieldType = (typeof fieldTypes)[number] | typeof authenticationSelect;

export const datasourceCategories = [
  'most-popular',
  'shopping-platform',
  'shop-systems',
  'cloud-services',
  'pim-pms',
  'tracking-systems',
  'custom-import',
  'orders',
  'miscellaneous',
] as const;

export const serviceTypes = ['internal', 'external'] as const;
export const serviceStages = ['import', 'intermediate'] as const;
export const networkPolicies = ['open', 'none', 'allow-list'] as const;
export type NetworkPolicy = (typeof networkPolicies)[number];

export const stateStatuses = ['pending', 'done', 'failed'] as const;
export type StateStatus = (typeof stateStatuses)[number];

export const backgroundActions = [
  'build',
  'create_platform_site',
  'synchronize_to_dev',
  'synchronize_to_prod',
  'update_to_docker_wrapper_version',
  'rollback_migration',
] as const;
export type BackgroundAction = (typeof backgroundActions)[number];

export const buildStatuses = ['queued', 'running', 'done', 'failed', 'cancelled'] as const;
export type BuildStatus = (typeof buildStatuses)[number];

export const buildSteps = ['prepare', 'clone', 'check', 'image', 'health', 'push'] as const;
export type BuildStep = (typeof buildSteps)[number];

export const runStates = ['queued', 'running', 'finished', 'failed', 'cancelled'] as const;
export type RunState = (typeof runStates)[number];

export const failureOrigins = [
  'connector',
  'platform',
  'engine',
  'timeout',
  'out-of-memory',
  'cancelled',
] as const;
export type FailureOrigin = (typeof failureOrigins)[number];

/** Log levels with their severity; `success` and `report` are labels of our own with the severity of info. */
export const logSeverities = {
  emergency: 0,
  alert: 1,
  critical: 2,
  error: 3,
  warning: 4,
  notice: 5,
  info: 6,
  debug: 7,
  success: 6,
  report: 6,
} as const;
export type LogLevel = keyof typeof logSeverities;
export const logLevels = Object.keys(logSeverities) as LogLevel[];

/** Where a run left a file. */
export const runFileStores = ['exchange', 'internal', 'transport'] as const;
export type RunFileStore = (typeof runFileStores)[number];

export const runLogSources = ['application', 'stdout', 'stderr', 'container-api', 'engine'] as const;

export const roles = ['admin', 'integrator', 'viewer'] as const;
export const oauthClientKinds = ['public', 'confidential'] as const;
export const oauthGrantTypes = [
  'authorization_code',
  'refresh_token',
  'urn:ietf:params:oauth:grant-type:device_code',
  'client_credentials',
] as const;

export type Role = (typeof roles)[number];

export const userStatuses = ['invited', 'active', 'disabled'] as const;

export const authenticationKinds = ['fields', 'oauth2'] as const;

export const scopes = [
  'connectors:read',
  'connectors:write',
  'builds:write',
  'releases:write',
  'runs:read',
  'runs:write',
  'secrets:write',
  'platform:read',
  'platform:write',
  'admin',
] as const;
export type Scope = (typeof scopes)[number];

/** The scopes each role may hold (chapter 1.2); a token's own scopes only narrow them. */
export const roleScopes: Record<Role, readonly Scope[]> = {
  admin: scopes,
  integrator: scopes.filter((scope) => scope !== 'admin'),
  viewer: ['connectors:read', 'runs:read', 'platform:read', 'platform:write'],
};

export const bucketEnvironments = ['dev', 'prod'] as const;
export type BucketEnvironment = (typeof bucketEnvironments)[number];

export const channelOwners = [
  'Feature Team',
  'DromundKaas Team',
  'Channel Team',
  'Third Party',
  'API Team',
  'WG3',
] as const;
export const confidences = ['Confident', 'Semi Confident', 'Needs Checking'] as const;

export const processActions = ['import', 'export', 'channel', 'all'] as const;
export const processStatuses = ['queued', 'running', 'success', 'failed'] as const;

export const webhookEvents = [
  'version.built',
  'version.build-failed',
  'version.synchronized',
  'version.released',
  'version.unreleased',
  'run.finished',
  'run.failed',
  'process.finished',
  'process.failed',
  'connector.binned',
  'connector.restored',
] as const;
export type WebhookEvent = (typeof webhookEvents)[number];

export const deliveryStatuses = ['pending', 'delivered', 'failed'] as const;
