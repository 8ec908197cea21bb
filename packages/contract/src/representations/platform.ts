import Type from 'typebox';
import { connectorTypes, datasourceCategories, processActions, processStatuses } from '../enums.ts';
import { Integers, nullable, oneOf, Time, Uuid } from './common.ts';
import { IndividualConfig } from './connector.ts';

export const siteStatuses = ['active', 'paused'] as const;
export const dataSourceKinds = ['connector', 'chain', 'legacy', 'file', 'feedback'] as const;
export const dataSourceRoles = ['main', 'additional'] as const;
export const failurePolicies = ['keep', 'fail'] as const;
export const joins = ['fill', 'overwrite'] as const;
export const historyKinds = ['import', 'export', 'skipped-schedule'] as const;
const stepKinds = ['source', 'merge', 'service', 'guard', 'take-over', 'export'] as const;
const stepStatuses = ['pending', 'running', 'success', 'kept', 'failed', 'skipped'] as const;

const times = { 'created-at': Time, 'updated-at': Time };

export const Account = Type.Object({ id: Type.Integer(), name: Type.String(), ...times });

export const Project = Type.Object({
  id: Type.Integer(),
  'account-id': Type.Integer(),
  name: Type.String(),
  ...times,
});

export const Site = Type.Object({
  id: Type.Integer(),
  'project-id': Type.Integer(),
  'account-id': Type.Integer(),
  name: Type.String(),
  status: oneOf(siteStatuses),
  'id-column': nullable(Type.String()),
  'shrink-guard': nullable(Type.Integer()),
  'processing-status': oneOf(['idle', 'queued', 'running']),
  'last-process': nullable(Uuid),
  'data-set': nullable(Type.Integer()),
  rows: Type.Object({ import: nullable(Type.Integer()), intermediate: nullable(Type.Integer()) }),
  ...times,
});

/** The parts `connector`, `transform` and `upload` of 6.1. */
const ConnectorPart = Type.Object({
  id: Uuid,
  version: Type.Integer(),
  credential: nullable(Type.Integer()),
  values: Type.Record(Type.String(), Type.String()),
});

export const DataSource = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  kind: oneOf(dataSourceKinds),
  role: oneOf(dataSourceRoles),
  status: oneOf(siteStatuses),
  order: Type.Integer(),
  connector: nullable(ConnectorPart),
  transform: nullable(ConnectorPart),
  'legacy-executable': nullable(
    Type.Object({ id: Type.Integer(), values: Type.Record(Type.String(), Type.String()) }),
  ),
  file: nullable(
    Type.Object({
      name: Type.String(),
      format: oneOf(['csv', 'ndjson', 'json']),
      'size-bytes': Type.Integer(),
      rows: Type.Integer(),
      'uploaded-at': Time,
    }),
  ),
  export: nullable(Type.Integer()),
  'on-failure': oneOf(failurePolicies),
  'key-column': nullable(Type.String()),
  'match-column': nullable(Type.String()),
  join: oneOf(joins),
  prefix: nullable(Type.String()),
  rows: nullable(Type.Integer()),
  ...times,
});

const ProcessStep = Type.Object({
  kind: oneOf(stepKinds),
  id: nullable(Type.Integer()),
  name: Type.String(),
  run: nullable(Uuid),
  status: oneOf(stepStatuses),
  'rows-in': nullable(Type.Integer()),
  'rows-out': nullable(Type.Integer()),
  error: nullable(Type.String()),
  'started-at': nullable(Time),
  'finished-at': nullable(Time),
});

export const Process = Type.Object({
  id: Uuid,
  'site-id': Type.Integer(),
  action: oneOf([...processActions, 'run']),
  target: nullable(Type.Integer()),
  status: oneOf(processStatuses),
  reason: nullable(Type.String()),
  trigger: oneOf(['manual', 'schedule', 'run']),
  'taken-over': Type.Boolean(),
  steps: Type.Array(ProcessStep),
  'created-at': Time,
  'started-at': nullable(Time),
  'finished-at': nullable(Time),
});

export const DataSet = Type.Object({
  id: Type.Integer(),
  'process-id': Uuid,
  current: Type.Boolean(),
  rows: Type.Object({ import: Type.Integer(), intermediate: Type.Integer() }),
  'created-at': Time,
});

/** What the values of a column of a data set look like. */
export const ColumnProfile = Type.Object({
  column: Type.String(),
  filled: Type.Integer(),
  empty: Type.Integer(),
  distinct: Type.Integer(),
  'distinct-estimated': Type.Boolean(),
  shortest: nullable(Type.String()),
  longest: nullable(Type.String()),
  least: nullable(Type.String()),
  greatest: nullable(Type.String()),
  frequent: Type.Array(Type.Object({ value: Type.String(), count: Type.Integer() })),
});

/** What an import or an export did, or why one was left out. */
export const HistoryEntry = Type.Object({
  kind: oneOf(historyKinds),
  'process-id': nullable(Uuid),
  export: nullable(Type.Integer()),
  rows: nullable(Type.Integer()),
  sources: nullable(
    Type.Array(
      Type.Object({
        id: Type.Integer(),
        rows: Type.Integer(),
        repeated: Type.Integer(),
        unmatched: Type.Integer(),
      }),
    ),
  ),
  new: nullable(Type.Integer()),
  modified: nullable(Type.Integer()),
  deleted: nullable(Type.Integer()),
  unchanged: nullable(Type.Integer()),
  skipped: nullable(Type.Integer()),
  delivered: nullable(Type.Boolean()),
  'started-at': Time,
  'finished-at': nullable(Time),
  'created-at': Time,
});

export const notificationLevels = ['success', 'info', 'warning', 'error'] as const;
export const siteErrorTypes = ['error', 'warning', 'info'] as const;

/** A line of a site's notification panel. */
export const Notification = Type.Object({
  id: Type.Integer(),
  level: oneOf(notificationLevels),
  message: Type.String(),
  source: nullable(Type.String()),
  'process-id': Uuid,
  'run-id': nullable(Uuid),
  read: Type.Boolean(),
  'created-at': Time,
});

/** What a process reported about single items under one code. */
export const SiteError = Type.Object({
  id: Type.Integer(),
  'process-id': Uuid,
  code: Type.String(),
  message: Type.String(),
  type: oneOf(siteErrorTypes),
  classification: oneOf(['low', 'medium', 'high']),
  count: Type.Integer(),
  data: Type.Record(Type.String(), Type.Unknown()),
  'created-at': Time,
});

/** A connector version that a site may use. */
export const SiteConnector = Type.Object({
  id: Uuid,
  type: oneOf(connectorTypes),
  name: Type.String(),
  version: Type.Integer(),
  logo: nullable(Type.String()),
  description: nullable(Type.String()),
  readme: nullable(Type.String()),
  categories: Type.Array(oneOf(datasourceCategories)),
  environment: oneOf(['dev', 'prod']),
  fields: Type.Array(IndividualConfig),
  authentications: Integers,
});
