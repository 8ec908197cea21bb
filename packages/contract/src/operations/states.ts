import { stateStatuses } from '../enums.ts';
import { operation, type Refusal } from '../operation.ts';
import { StateLogLine } from '../representations/log.ts';
import { State } from '../representations/state.ts';
import { messages } from '../texts.ts';
import { stateLogQuery, tooLateToCancel } from './builds.ts';
import { versionRefusals } from './versions.ts';

const chapter = '5.10 States (background operations)';
const V = '/connectors/{publicId}/versions/{connectorVersion}';

const notFound: Refusal = { status: 404, body: { message: 'State not found.' } };

export const connectorStateList = operation({
  id: 'connector_state_list',
  method: 'GET',
  path: `${V}/states`,
  chapter: '5.1 Connectors',
  tag: 'documented',
  summary: 'List the background operations of a version',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'version',
  success: { envelope: 'list', resource: 'state', data: State, limit: 20 },
  refusals: versionRefusals,
});

export const stateList = operation({
  id: 'state_list',
  method: 'GET',
  path: '/states',
  chapter,
  tag: 'documented',
  summary: 'List background operations',
  access: 'signed-in',
  scope: 'connectors:read',
  query: {
    triggered_by: {
      kind: 'uuid',
      sentence: 'Invalid connector user identifier.',
      description: 'the user who started it',
    },
    status: { kind: 'choice', values: stateStatuses },
  },
  success: { envelope: 'list', resource: 'state', data: State },
  refusals: [{ status: 400, body: { message: 'Invalid connector user identifier.', errors: [] } }],
});

export const stateShow = operation({
  id: 'state_show',
  method: 'GET',
  path: '/states/{stateId}',
  chapter,
  tag: 'documented',
  summary: 'Show a background operation',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'state',
  // The documented API says "connector" here.
  success: { envelope: 'single', message: messages.list, resource: 'connector', data: State },
  refusals: [notFound],
});

export const connectorVersionShowLatestState = operation({
  id: 'connector_version_show_latest_state',
  method: 'GET',
  path: `${V}/states/{backgroundAction}`,
  chapter,
  tag: 'documented',
  summary: 'Show the newest background operation of a kind',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'version',
  success: { envelope: 'single', message: messages.list, resource: 'connector', data: State },
  refusals: [
    { status: 400, body: { message: 'This background action does not exist.', errors: [] } },
    { status: 404, body: { message: 'Last state was not found based on query parameters.' } },
    ...versionRefusals,
  ],
});

export const stateLogs = operation({
  id: 'state_logs',
  method: 'GET',
  path: '/states/{stateId}/logs',
  chapter,
  tag: 'ours',
  summary: 'Read or follow the log of a background operation',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'state',
  query: stateLogQuery,
  success: {
    envelope: 'list',
    resource: 'log',
    data: StateLogLine,
    streams: ['application/x-ndjson', 'text/event-stream'],
  },
  refusals: [notFound],
});

export const stateEvents = operation({
  id: 'state_events',
  method: 'GET',
  path: '/states/{stateId}/events',
  chapter,
  tag: 'ours',
  summary: 'Follow a background operation with its log',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'state',
  success: { envelope: 'raw', contentType: 'text/event-stream' },
  refusals: [notFound],
});

export const stateCancel = operation({
  id: 'state_cancel',
  method: 'POST',
  path: '/states/{stateId}/cancel',
  chapter,
  tag: 'ours',
  summary: 'Cancel a background operation (builds:write for a build, else releases:write)',
  access: 'write-403',
  // The first for a build, the other for the rest.
  scope: 'builds:write',
  otherScope: 'releases:write',
  subject: 'state',
  success: { envelope: 'message', status: 202, message: 'State will be cancelled.' },
  refusals: [tooLateToCancel, notFound],
});
