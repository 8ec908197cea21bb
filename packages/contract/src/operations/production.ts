import { body, optional, positiveInteger, positiveIntegers, versionSelector } from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { ConnectorVersion } from '../representations/connector.ts';
import { ConnectorSite, MovedSites, ReleasePreview } from '../representations/production.ts';
import { messages, texts } from '../texts.ts';
import { versionRefusals } from './versions.ts';

const V = '/connectors/{publicId}/versions/{connectorVersion}';

const field = (key: string, text: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: text } },
});

const inFlight: Refusal = { status: 400, body: { message: messages.transition('building'), errors: [] } };
const standalone = field('flow', 'Standalone connectors are not offered on sites.');
const notInProd = field('version', 'Connector must be synchronized to prod.');
const released = field('version', 'Connector is already released.');

const chapter = '5.9 Deployment';

/** Foreign connectors answer 404. */
const hidden = { chapter, access: 'write-404', scope: 'releases:write', subject: 'version' } as const;
/** Foreign connectors answer 403. */
const shown = { ...hidden, access: 'write-403' } as const;

const targetRefusals = [
  field('target-accounts', texts.type('array')),
  field('target-accounts', texts.positiveList),
];
const strandedAccess = field('target-sites', 'Access is still enabled for: 123,456');

/** Absent lists are taken as given: empty, or for a synchronization as they are. */
const targets = body({
  'target-accounts': optional(positiveIntegers()),
  'target-projects': optional(positiveIntegers()),
  'target-sites': optional(positiveIntegers()),
});

export const connectorTargetsAdd = operation({
  ...hidden,
  id: 'connector_targets_add',
  method: 'POST',
  path: `${V}/targets`,
  tag: 'documented',
  summary: 'Add accounts, projects and sites where access may be given',
  body: targets,
  success: { envelope: 'bare', message: messages.list, data: ConnectorVersion },
  refusals: [...targetRefusals, ...versionRefusals],
});

export const connectorTargetsUpdate = operation({
  ...hidden,
  id: 'connector_targets_update',
  method: 'PUT',
  path: `${V}/targets`,
  tag: 'documented',
  summary: 'Replace the accounts, projects and sites where access may be given',
  body: targets,
  success: { envelope: 'bare', message: messages.list, data: ConnectorVersion },
  refusals: [...targetRefusals, strandedAccess, ...versionRefusals],
});

export const connectorSyncProd = operation({
  ...hidden,
  id: 'connector_sync_prod',
  method: 'POST',
  path: `${V}/sync/prod`,
  tag: 'ours',
  summary: 'Make or replace the production copy of a version',
  body: targets,
  success: { envelope: 'background', message: 'Connector will be synchronized to prod in the background.' },
  refusals: [...targetRefusals, strandedAccess, inFlight, ...versionRefusals],
});

const places = body({
  accounts: optional(positiveIntegers()),
  projects: optional(positiveIntegers()),
  sites: optional(positiveIntegers()),
});
const placeRefusals = [field('accounts', texts.type('array')), field('accounts', texts.positiveList)];

const access = {
  envelope: 'single',
  message: 'Updated access.',
  resource: 'connector-version',
  data: ConnectorVersion,
} as const;

export const connectorEnableProdAccess = operation({
  ...shown,
  id: 'connector_enable_prod_access',
  method: 'POST',
  path: `${V}/access/prod/enable`,
  tag: 'documented',
  summary: 'Open a version to accounts, projects and sites',
  body: places,
  success: access,
  refusals: [
    ...placeRefusals,
    standalone,
    field('accounts', 'At least one account, project or site is needed.'),
    notInProd,
    released,
    field('sites', 'Values are not in the target scope: 777'),
    ...versionRefusals,
  ],
});

export const connectorDisableProdAccess = operation({
  ...shown,
  id: 'connector_disable_prod_access',
  method: 'POST',
  path: `${V}/access/prod/disable`,
  tag: 'documented',
  summary: 'Close a version to accounts, projects and sites',
  body: places,
  success: access,
  refusals: [...placeRefusals, inFlight, ...versionRefusals],
});

export const connectorRelease = operation({
  ...hidden,
  id: 'connector_release',
  method: 'POST',
  path: `${V}/release`,
  tag: 'ours',
  summary: 'Offer a version to everybody',
  success: {
    envelope: 'single',
    message: 'Connector released.',
    resource: 'connector-version',
    data: ConnectorVersion,
  },
  refusals: [standalone, notInProd, released, ...versionRefusals],
});

export const connectorReleasePreview = operation({
  chapter,
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'version',
  id: 'connector_release_preview',
  method: 'GET',
  path: `${V}/release/preview`,
  tag: 'ours',
  summary: 'Show what a release, or its withdrawal, would change',
  query: { action: { kind: 'choice', values: ['release', 'unrelease'], description: 'default: `release`' } },
  success: { envelope: 'single', message: messages.list, resource: 'release-preview', data: ReleasePreview },
  refusals: [field('action', texts.choice), ...versionRefusals],
});

export const connectorUnrelease = operation({
  ...shown,
  id: 'connector_unrelease',
  method: 'POST',
  path: `${V}/unrelease`,
  tag: 'documented',
  summary: 'Stop offering a version to everybody',
  success: { envelope: 'empty' },
  refusals: [field('version', 'Connector is not released.'), inFlight, ...versionRefusals],
});

export const connectorSiteList = operation({
  chapter,
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'version',
  id: 'connector_site_list',
  method: 'GET',
  path: `${V}/sites`,
  tag: 'ours',
  summary: 'List the sites that use a version',
  success: { envelope: 'list', resource: 'connector-site', data: ConnectorSite },
  refusals: versionRefusals,
});

export const connectorMoveSites = operation({
  ...hidden,
  id: 'connector_move_sites',
  method: 'POST',
  path: `${V}/sites/move`,
  tag: 'ours',
  summary: 'Move sites to another version',
  body: body({ version: versionSelector(), sites: optional(positiveIntegers()) }),
  success: { envelope: 'bare', message: 'Sites have been moved.', data: MovedSites },
  refusals: [
    field('version', 'Connector version not found.'),
    notInProd,
    field('sites', "Sites don't use this version: 12,13"),
    ...versionRefusals,
  ],
});

const notMigrating = field('flow', 'Only connectors with the migration flow can have a legacy executable.');

export const connectorSetLegacyExecutable = operation({
  ...hidden,
  id: 'connector_set_legacy_executable',
  method: 'PUT',
  path: `${V}/migration`,
  tag: 'ours',
  summary: 'Name the legacy executable that a version stands in for',
  body: body({ 'legacy-executable': positiveInteger() }),
  success: {
    envelope: 'single',
    message: 'Legacy executable has been set.',
    resource: 'connector-version',
    data: ConnectorVersion,
  },
  refusals: [
    notMigrating,
    field('legacy-executable', texts.positive),
    field('legacy-executable', 'Legacy executable not found.'),
    inFlight,
    { status: 400, body: { message: messages.inProduction, errors: [] } },
    ...versionRefusals,
  ],
});

export const connectorResetMigration = operation({
  ...hidden,
  id: 'connector_reset_migration',
  method: 'PATCH',
  path: `${V}/migration/reset`,
  tag: 'ours',
  summary: 'End a migration for good',
  success: {
    envelope: 'single',
    message: 'Legacy executable has been removed.',
    resource: 'connector-version',
    data: ConnectorVersion,
  },
  refusals: [notMigrating, inFlight, ...versionRefusals],
});

export const connectorRollbackMigration = operation({
  ...shown,
  id: 'connector_rollback_migration',
  method: 'POST',
  path: `${V}/migration/rollback`,
  tag: 'documented',
  summary: 'Let sites run the legacy executable again',
  success: { envelope: 'bare', message: messages.list, data: ConnectorVersion },
  refusals: [
    field('flow', 'Only connectors with the migration flow can be rolled back.'),
    field('version', 'Connector does not have a legacy executable.'),
    notInProd,
    ...versionRefusals,
  ],
});
