import { buildStatuses, logLevels } from '../enums.ts';
import { body, nullableText, optional, uuid, versionOrLatest } from '../fields.ts';
import { operation, type QueryParameter, type Refusal } from '../operation.ts';
import { Build } from '../representations/build.ts';
import { StateLogLine, stateLogSources } from '../representations/log.ts';
import { messages, texts } from '../texts.ts';
import { configurationRefusals } from './versions.ts';

const chapter = '5.8 Builds';

const notFound: Refusal = { status: 404, body: { message: 'Build not found.' } };

/** Of `build_cancel` and `state_cancel`: it has ended, or is in its last transaction. */
export const tooLateToCancel: Refusal = {
  status: 400,
  body: { message: 'The action can no longer be cancelled.', errors: [] },
};

/** The filters of the log of a build or background operation. */
export const stateLogQuery = {
  level: { kind: 'choice', values: logLevels, description: 'that level and above' },
  source: { kind: 'choices', values: stateLogSources, description: 'one or more, comma-separated' },
} as const satisfies Record<string, QueryParameter>;

const field = (key: string, text: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: text } },
});

const wrongCommit = 'This value is not a valid commit.';

export const connectorBuildTrigger = operation({
  id: 'connector_build_trigger',
  method: 'POST',
  path: '/builds/connectors',
  chapter,
  tag: 'documented',
  summary: 'Build a version',
  access: 'write-403',
  scope: 'builds:write',
  body: body({
    connector: uuid({ texts: { any: texts.uuid } }),
    version: versionOrLatest(),
    commit: optional(
      nullableText({
        pattern: /^[0-9a-fA-F]{7,40}$/,
        texts: { any: wrongCommit },
        description: '7 to 40 hex digits; null: the newest of the branch',
      }),
    ),
  }),
  success: { envelope: 'background', message: 'Build started.' },
  refusals: [
    field('connector', texts.uuid),
    field('version', texts.invalid),
    field('commit', wrongCommit),
    field('vcs-config', 'VCS config is missing.'),
    field('application-config', 'Application config is missing.'),
    ...configurationRefusals,
  ],
});

export const buildList = operation({
  id: 'build_list',
  method: 'GET',
  path: '/builds',
  chapter,
  tag: 'ours',
  summary: 'List builds',
  access: 'signed-in',
  scope: 'connectors:read',
  query: {
    'connector-id': { kind: 'uuid' },
    'connector-version': {
      kind: 'pattern',
      pattern: /^\d{1,9}(\.\d{1,9}\.\d{1,9})?$/,
      description: '<major> or <major>.<minor>.<patch>',
    },
    status: { kind: 'choice', values: buildStatuses },
  },
  success: { envelope: 'list', resource: 'build', data: Build },
});

export const buildShow = operation({
  id: 'build_show',
  method: 'GET',
  path: '/builds/{buildId}',
  chapter,
  tag: 'ours',
  summary: 'Show a build with its steps',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'build',
  success: { envelope: 'single', message: messages.list, resource: 'build', data: Build },
  refusals: [notFound],
});

export const buildLogs = operation({
  id: 'build_logs',
  method: 'GET',
  path: '/builds/{buildId}/logs',
  chapter,
  tag: 'ours',
  summary: 'Read or follow the log of a build',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'build',
  query: stateLogQuery,
  success: {
    envelope: 'list',
    resource: 'log',
    data: StateLogLine,
    streams: ['application/x-ndjson', 'text/event-stream'],
  },
  refusals: [notFound],
});

export const buildCancel = operation({
  id: 'build_cancel',
  method: 'DELETE',
  path: '/builds/{buildId}',
  chapter,
  tag: 'ours',
  summary: 'Cancel a build',
  access: 'write-403',
  scope: 'builds:write',
  subject: 'build',
  success: { envelope: 'message', message: 'Build cancelled.' },
  refusals: [tooLateToCancel, notFound],
});
