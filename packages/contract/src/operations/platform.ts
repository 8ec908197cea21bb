import Type from 'typebox';
import { connectorTypes, datasourceCategories, processActions, processStatuses } from '../enums.ts';
import {
  body,
  choice,
  nullableInteger,
  nullablePositiveInteger,
  nullableText,
  optional,
  positiveInteger,
  requiredText,
  uuid,
} from '../fields.ts';
import { operation, type QueryParameter, type Refusal } from '../operation.ts';
import {
  Account,
  ColumnProfile,
  DataSet,
  DataSource,
  dataSourceKinds,
  dataSourceRoles,
  failurePolicies,
  HistoryEntry,
  historyKinds,
  joins,
  Process,
  Project,
  Site,
  SiteConnector,
  siteStatuses,
} from '../representations/platform.ts';
import { Row } from '../representations/run.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules } from '../validation.ts';

const sitesChapter = '6.2 Accounts, projects, sites';
const partsChapter = '6.3 What a site is made of';
const dataChapter = '6.4 Processes and data';

const missing = (thing: string): Refusal => ({ status: 404, body: { message: `${thing} not found.` } });

const field = (key: string, message: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: message } },
});

const sentence = (message: string): Refusal => ({ status: 400, body: { message, errors: [] } });

const nameFilter = {
  name: { kind: 'text', description: 'contains, in any case' },
} as const satisfies Record<string, QueryParameter>;

export const platformAccountList = operation({
  id: 'platform_account_list',
  method: 'GET',
  path: '/platform/accounts',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'List accounts',
  access: 'signed-in',
  scope: 'platform:read',
  query: nameFilter,
  success: { envelope: 'list', resource: 'account', data: Account },
});

export const platformAccountCreate = operation({
  id: 'platform_account_create',
  method: 'POST',
  path: '/platform/accounts',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Create an account',
  access: 'admin',
  scope: 'admin',
  body: body({ name: requiredText() }),
  success: {
    envelope: 'single',
    status: 201,
    message: 'Account created.',
    resource: 'account',
    data: Account,
  },
  refusals: [field('name', texts.blank)],
});

export const platformAccountShow = operation({
  id: 'platform_account_show',
  method: 'GET',
  path: '/platform/accounts/{accountId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Show an account',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'account',
  success: { envelope: 'single', message: messages.list, resource: 'account', data: Account },
  refusals: [missing('Account')],
});

// A right on something below is enough to list; the verb decides, since the account itself may stay hidden.
export const platformProjectList = operation({
  id: 'platform_project_list',
  method: 'GET',
  path: '/platform/accounts/{accountId}/projects',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'List the projects of an account',
  access: 'read-404',
  scope: 'platform:read',
  query: nameFilter,
  success: { envelope: 'list', resource: 'project', data: Project },
  refusals: [missing('Account')],
});

export const platformProjectCreate = operation({
  id: 'platform_project_create',
  method: 'POST',
  path: '/platform/accounts/{accountId}/projects',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Create a project',
  access: 'account-admin',
  scope: 'platform:write',
  subject: 'account',
  body: body({ name: requiredText() }),
  success: {
    envelope: 'single',
    status: 201,
    message: 'Project created.',
    resource: 'project',
    data: Project,
  },
  refusals: [field('name', texts.blank), missing('Account')],
});

export const platformProjectShow = operation({
  id: 'platform_project_show',
  method: 'GET',
  path: '/platform/projects/{projectId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Show a project',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'project',
  success: { envelope: 'single', message: messages.list, resource: 'project', data: Project },
  refusals: [missing('Project')],
});

const siteFields = {
  'id-column': nullableText(),
  'shrink-guard': nullableInteger({ minimum: 1, maximum: 100 }),
  status: choice(siteStatuses),
};

export const platformSiteList = operation({
  id: 'platform_site_list',
  method: 'GET',
  path: '/platform/projects/{projectId}/sites',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'List the sites of a project',
  access: 'read-404',
  scope: 'platform:read',
  query: nameFilter,
  success: { envelope: 'list', resource: 'site', data: Site },
  refusals: [missing('Project')],
});

export const platformSiteCreate = operation({
  id: 'platform_site_create',
  method: 'POST',
  path: '/platform/projects/{projectId}/sites',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Create a site',
  access: 'account-admin',
  scope: 'platform:write',
  subject: 'project',
  body: body({
    name: requiredText(),
    'id-column': optional(siteFields['id-column']),
    'shrink-guard': optional(siteFields['shrink-guard']),
    status: optional(siteFields.status),
  }),
  success: { envelope: 'single', status: 201, message: 'Site created.', resource: 'site', data: Site },
  refusals: [
    field('name', texts.blank),
    field('shrink-guard', texts.between(1, 100)),
    field('status', texts.choice),
    missing('Project'),
  ],
});

export const platformSiteAllList = operation({
  id: 'platform_site_all_list',
  method: 'GET',
  path: '/platform/sites',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'List all sites the caller has a right on',
  access: 'signed-in',
  scope: 'platform:read',
  query: nameFilter,
  success: { envelope: 'list', resource: 'site', data: Site },
});

export const platformSiteShow = operation({
  id: 'platform_site_show',
  method: 'GET',
  path: '/platform/sites/{siteId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Show a site',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  success: { envelope: 'single', message: messages.list, resource: 'site', data: Site },
  refusals: [missing('Site')],
});

export const platformSiteUpdate = operation({
  id: 'platform_site_update',
  method: 'PATCH',
  path: '/platform/sites/{siteId}',
  chapter: sitesChapter,
  tag: 'ours',
  summary: 'Change a site',
  access: 'write-404',
  scope: 'platform:write',
  subject: 'site',
  body: body({
    name: optional(requiredText()),
    'id-column': optional(siteFields['id-column']),
    'shrink-guard': optional(siteFields['shrink-guard']),
    status: optional(siteFields.status),
  }),
  success: { envelope: 'single', message: 'Site updated.', resource: 'site', data: Site },
  refusals: [
    field('name', texts.blank),
    field('shrink-guard', texts.between(1, 100)),
    field('status', texts.choice),
    missing('Site'),
  ],
});

export const platformSiteConnectorList = operation({
  id: 'platform_site_connector_list',
  method: 'GET',
  path: '/platform/sites/{siteId}/connectors',
  chapter: partsChapter,
  tag: 'ours',
  summary: 'List the connector versions that a site may use',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  query: {
    type: { kind: 'choice', values: connectorTypes },
    category: { kind: 'choice', values: datasourceCategories },
    ...nameFilter,
  },
  success: { envelope: 'list', resource: 'site-connector', data: SiteConnector },
  refusals: [field('type', texts.choice), field('category', texts.choice), missing('Site')],
});

export const platformDataSourceList = operation({
  id: 'platform_data_source_list',
  method: 'GET',
  path: '/platform/sites/{siteId}/data-sources',
  chapter: partsChapter,
  tag: 'ours',
  summary: 'List the data sources of a site',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  success: { envelope: 'list', resource: 'data-source', data: DataSource },
  refusals: [missing('Site')],
});

export const platformDataSourceShow = operation({
  id: 'platform_data_source_show',
  method: 'GET',
  path: '/platform/sites/{siteId}/data-sources/{dataSourceId}',
  chapter: partsChapter,
  tag: 'ours',
  summary: 'Show a data source',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  success: { envelope: 'single', message: messages.list, resource: 'data-source', data: DataSource },
  refusals: [missing('Site'), missing('Data source')],
});

/** The longest value that can be passed to a connector (container-api.md 8.4). */
const longestValue = 131_072;

const part = body({
  id: uuid(),
  version: positiveInteger(),
  credential: optional(nullablePositiveInteger()),
  // Values are passed as entered, so they are not trimmed; which options there are, the version tells.
  values: optional(
    Type.Unsafe<Record<string, string>>({
      type: 'object',
      additionalProperties: { type: 'string', maxLength: longestValue },
      'x-verbatim': true,
      default: {},
    }),
  ),
});
/** Null where the kind of the source has no such part. */
const ConnectorPartBody = Type.Unsafe<Type.Static<typeof part> | null>({ ...part, type: ['object', 'null'] });

const dataSourceBody = body({
  name: requiredText(),
  kind: choice(dataSourceKinds),
  role: optional(choice(dataSourceRoles)),
  status: optional(choice(siteStatuses)),
  order: optional(nullablePositiveInteger()),
  connector: optional(ConnectorPartBody),
  transform: optional(ConnectorPartBody),
  'on-failure': optional(choice(failurePolicies)),
  'key-column': optional(nullableText()),
  'match-column': optional(nullableText()),
  join: optional(choice(joins)),
  prefix: optional(nullableText({ max: 64 })),
});

const dataSourceRefusals = [
  field('name', texts.used),
  field('connector', 'Connector is not available for this site.'),
  field('connector', messages.wrongType('export')),
  field('connector.credential', texts.blank),
  field('connector.credential', 'Credential not found.'),
  field('connector.values.<option>', texts.blank),
  field('connector.values.<option>', texts.unexpected),
  field('connector.values.<option>', 'This value should be 0 or 1.'),
  field('connector.values.<option>', 'This value should be one of the options.'),
  missing('Site'),
];

export const platformDataSourceCreate = operation({
  id: 'platform_data_source_create',
  method: 'POST',
  path: '/platform/sites/{siteId}/data-sources',
  chapter: partsChapter,
  tag: 'ours',
  summary: 'Add a data source to a site',
  access: 'write-404',
  scope: 'platform:write',
  subject: 'site',
  body: dataSourceBody,
  success: {
    envelope: 'single',
    status: 201,
    message: 'Data source created.',
    resource: 'data-source',
    data: DataSource,
  },
  refusals: dataSourceRefusals,
});

export const platformDataSourceDelete = operation({
  id: 'platform_data_source_delete',
  method: 'DELETE',
  path: '/platform/sites/{siteId}/data-sources/{dataSourceId}',
  chapter: partsChapter,
  tag: 'ours',
  summary: 'Remove a data source from a site',
  access: 'write-404',
  scope: 'platform:write',
  subject: 'site',
  success: { envelope: 'empty' },
  refusals: [missing('Site'), missing('Data source')],
});

export const platformDataSourceUpdate = operation({
  id: 'platform_data_source_update',
  method: 'PUT',
  path: '/platform/sites/{siteId}/data-sources/{dataSourceId}',
  chapter: partsChapter,
  tag: 'ours',
  summary: 'Change a data source',
  access: 'write-404',
  scope: 'platform:write',
  subject: 'site',
  body: dataSourceBody,
  success: {
    envelope: 'single',
    message: 'Data source updated.',
    resource: 'data-source',
    data: DataSource,
  },
  refusals: [...dataSourceRefusals, missing('Data source')],
});

export const platformProcessList = operation({
  id: 'platform_process_list',
  method: 'GET',
  path: '/platform/sites/{siteId}/processes',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'List the processes of a site',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  query: { status: { kind: 'choice', values: processStatuses } },
  success: { envelope: 'list', resource: 'process', data: Process },
  refusals: [missing('Site')],
});

/** Two actions work on one part of the site and need its id. */
const processRules: BodyRules = ({ action, id }) =>
  (action === 'export' || action === 'channel') && (id === undefined || id === null)
    ? { id: texts.blank }
    : {};

export const platformProcessCreate = operation({
  id: 'platform_process_create',
  method: 'POST',
  path: '/platform/sites/{siteId}/processes',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'Process a site',
  access: 'write-404',
  scope: 'platform:write',
  subject: 'site',
  body: body({
    action: choice(processActions, { texts: { any: texts.choice } }),
    id: optional(nullablePositiveInteger()),
  }),
  rules: processRules,
  success: {
    envelope: 'bare',
    status: 202,
    message: 'Process queued.',
    data: Type.Object({ process_id: Type.String({ format: 'uuid' }) }),
  },
  refusals: [
    field('action', texts.choice),
    field('id', texts.blank),
    field('id', 'Export not found.'),
    field('id', 'Channel not found.'),
    sentence('Site is paused.'),
    missing('Site'),
    { status: 409, body: { message: 'A process is already queued for this site.' } },
  ],
});

export const platformProcessShow = operation({
  id: 'platform_process_show',
  method: 'GET',
  path: '/platform/sites/{siteId}/processes/{processId}',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'Show a process',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  success: { envelope: 'single', message: messages.list, resource: 'process', data: Process },
  refusals: [missing('Site'), missing('Process')],
});

export const platformProcessCancel = operation({
  id: 'platform_process_cancel',
  method: 'POST',
  path: '/platform/sites/{siteId}/processes/{processId}/cancel',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'Cancel a process',
  access: 'write-404',
  scope: 'platform:write',
  subject: 'site',
  success: { envelope: 'message', status: 202, message: 'Process will be cancelled.' },
  refusals: [sentence('The action can no longer be cancelled.'), missing('Site'), missing('Process')],
});

/** Which rows of a site are looked at. */
const viewQuery = {
  stage: { kind: 'choice', values: ['import', 'intermediate', 'export'] },
  export: { kind: 'integer', description: 'needed for the stage `export`' },
  'data-set': { kind: 'integer', description: 'default: the current one' },
  filter: { kind: 'text', description: 'JSON list of {"column","operator","value"}; all must hold' },
  system: { kind: 'boolean', description: 'system columns too' },
} as const;
const viewRefusals = [
  field('stage', texts.choice),
  field('export', texts.blank),
  field('export', 'Export not found.'),
  field('data-set', 'Data set not found.'),
  field('filter', texts.invalid),
  field('system', texts.boolean),
  missing('Site'),
];

export const platformDataShow = operation({
  id: 'platform_data_show',
  method: 'GET',
  path: '/platform/sites/{siteId}/data',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'Read the rows of a site',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  query: {
    ...viewQuery,
    sort: { kind: 'text', description: 'up to three columns; `-` before one: descending' },
    columns: { kind: 'text', description: 'comma-separated; default all' },
  },
  success: {
    envelope: 'list',
    resource: 'row',
    data: Row,
    streams: ['application/x-ndjson', 'text/csv'],
  },
  refusals: [...viewRefusals, field('sort', texts.invalid)],
});

export const platformDataProfile = operation({
  id: 'platform_data_profile',
  method: 'GET',
  path: '/platform/sites/{siteId}/data/profile',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'Profile the columns of a site',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  query: viewQuery,
  success: {
    envelope: 'single',
    message: messages.list,
    resource: 'column-profile',
    data: Type.Array(ColumnProfile),
  },
  refusals: viewRefusals,
});

export const platformDataSetList = operation({
  id: 'platform_data_set_list',
  method: 'GET',
  path: '/platform/sites/{siteId}/data-sets',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'List the kept data sets of a site',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  success: { envelope: 'list', resource: 'data-set', data: DataSet },
  refusals: [missing('Site')],
});

export const platformDataSetRestore = operation({
  id: 'platform_data_set_restore',
  method: 'POST',
  path: '/platform/sites/{siteId}/data-sets/{dataSetId}/restore',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'Go back to an earlier data set of a site',
  access: 'write-404',
  scope: 'platform:write',
  subject: 'site',
  success: {
    envelope: 'single',
    message: 'Data set has been restored.',
    resource: 'data-set',
    data: DataSet,
  },
  refusals: [sentence('Site is being processed.'), missing('Site'), missing('Data set')],
});

export const platformHistoryList = operation({
  id: 'platform_history_list',
  method: 'GET',
  path: '/platform/sites/{siteId}/history',
  chapter: dataChapter,
  tag: 'ours',
  summary: 'List what imports and exports of a site did',
  access: 'read-404',
  scope: 'platform:read',
  subject: 'site',
  query: { kind: { kind: 'choice', values: historyKinds }, export: { kind: 'integer' } },
  success: { envelope: 'list', resource: 'history-entry', data: HistoryEntry },
  refusals: [missing('Site')],
});
