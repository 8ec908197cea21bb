import Type from 'typebox';
import { logLevels, runLogSources, runStates } from '../enums.ts';
import { body, integer, optional, uuid, versionOrLatest, versionOrOwn } from '../fields.ts';
import { operation, type QueryParameter, type Refusal } from '../operation.ts';
import { Row, Run, RunFile, RunLogLine, RunStarted, RunStatistics } from '../representations/run.ts';
import { messages, texts } from '../texts.ts';
import { type BodyRules, uuidPattern } from '../validation.ts';

const chapter = '5.11 Runs';

const notFound: Refusal = { status: 404, body: { message: 'Run not found.' } };

const field = (key: string, text: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: text } },
});

const filters = {
  id: { kind: 'uuid' },
  'connector-id': { kind: 'uuid' },
  'process-id': { kind: 'uuid' },
  'connector-version': {
    kind: 'pattern',
    pattern: /^\d{1,9}(\.\d{1,9}\.\d{1,9})?$/,
    description: '<major> or <major>.<minor>.<patch>',
  },
  'site-id': { kind: 'integer' },
  state: { kind: 'choice', values: runStates },
} as const satisfies Record<string, QueryParameter>;

export const runList = operation({
  id: 'run_list',
  method: 'GET',
  path: '/runs',
  chapter,
  tag: 'documented',
  summary: 'List runs',
  access: 'signed-in',
  scope: 'runs:read',
  query: filters,
  success: { envelope: 'list', resource: 'run', data: Run },
});

export const runShow = operation({
  id: 'run_show',
  method: 'GET',
  path: '/runs/{runId}',
  chapter,
  tag: 'documented',
  summary: 'Show a run',
  access: 'read-403',
  scope: 'runs:read',
  subject: 'run',
  success: { envelope: 'bare', message: 'run', data: Run },
  refusals: [notFound],
});

/** At most this many rows can be given with a manual run, all streams together. */
export const manualRowsLimit = 10_000;

/** Rows given with the run, or the run whose input is to be read again. */
export type RunInput = { rows: Record<string, Record<string, unknown>[]> } | { run: string };

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** `input` is null, or exactly one of `rows` and `run`; the rows of every stream are a list of objects. */
const inputRules: BodyRules = ({ input }) => {
  if (!isObject(input)) return {};
  const { rows, run, ...rest } = input;
  const wrong = { input: texts.invalid };
  if (Object.keys(rest).length > 0 || (rows === undefined) === (run === undefined)) return wrong;
  if (run !== undefined) return typeof run === 'string' && uuidPattern.test(run) ? {} : wrong;
  if (!isObject(rows)) return wrong;
  const noLists = Object.entries(rows).filter(([, list]) => !Array.isArray(list));
  if (noLists.length > 0) {
    return Object.fromEntries(noLists.map(([stream]) => [`input.rows.${stream}`, texts.type('array')]));
  }
  const all = Object.values(rows).flat(1);
  return all.length > manualRowsLimit || !all.every(isObject) ? wrong : {};
};

export const runCreate = operation({
  id: 'run_create',
  method: 'POST',
  path: '/runs',
  chapter,
  tag: 'ours',
  summary: 'Run a version by hand on its dev site',
  access: 'write-404',
  scope: 'runs:write',
  body: body({
    connector: uuid({ texts: { any: texts.uuid } }),
    version: versionOrLatest(),
    site: optional(integer()),
    input: optional(
      Type.Unsafe<RunInput | null>({
        type: ['object', 'null'],
        'x-texts': { any: texts.invalid },
        'x-verbatim': true,
        description: 'null: the rows of the site; else `{"rows":{"<stream>":[…]}}` or `{"run":"<uuid>"}`',
      }),
    ),
    values: optional(
      Type.Unsafe<Record<string, string>>({
        type: 'object',
        additionalProperties: { type: 'string', maxLength: 131_072 },
        'x-verbatim': true,
        description: 'command option → text, over the stored values for this run only',
      }),
    ),
  }),
  rules: inputRules,
  success: { envelope: 'bare', status: 202, message: 'Run started.', data: RunStarted },
  refusals: [
    field('connector', texts.uuid),
    field('version', texts.invalid),
    field('connector', 'Connector must be synchronized to dev.'),
    field('connector', 'Connector must have dev site assigned.'),
    field('site', 'Site not found.'),
    field('input', texts.invalid),
    field('input.rows.<stream>', texts.type('array')),
    field('input.run', 'The input of this run is no longer stored.'),
    field('values.<option>', texts.unexpected),
    { status: 404, body: { message: 'Connector not found.' } },
    { status: 404, body: { message: 'Connector version not found.' } },
    { status: 409, body: { message: 'A process is already queued for this site.' } },
  ],
});

export const runCancel = operation({
  id: 'run_cancel',
  method: 'POST',
  path: '/runs/{runId}/cancel',
  chapter,
  tag: 'ours',
  summary: 'Cancel a run',
  access: 'write-403',
  scope: 'runs:write',
  subject: 'run',
  success: { envelope: 'message', status: 202, message: 'Run will be cancelled.' },
  refusals: [{ status: 400, body: { message: 'Run is already finished.', errors: [] } }, notFound],
});

export const runReplay = operation({
  id: 'run_replay',
  method: 'POST',
  path: '/runs/{runId}/replay',
  chapter,
  tag: 'ours',
  summary: 'Run again with the input and values of an earlier run',
  access: 'write-403',
  scope: 'runs:write',
  subject: 'run',
  body: body({ version: versionOrOwn() }),
  success: { envelope: 'bare', status: 202, message: 'Run started.', data: RunStarted },
  refusals: [
    field('version', texts.invalid),
    field('connector', 'Connector must be synchronized to dev.'),
    field('site', 'Site not found.'),
    { status: 400, body: { message: 'The input of this run is no longer stored.', errors: [] } },
    notFound,
    { status: 404, body: { message: 'Connector not found.' } },
    { status: 404, body: { message: 'Connector version not found.' } },
    { status: 409, body: { message: 'A process is already queued for this site.' } },
  ],
});

export const runLogs = operation({
  id: 'run_logs',
  method: 'GET',
  path: '/runs/{runId}/logs',
  chapter,
  tag: 'ours',
  summary: 'Read the log of a run',
  access: 'read-403',
  scope: 'runs:read',
  subject: 'run',
  query: {
    level: { kind: 'choice', values: logLevels, description: 'that level and above' },
    source: { kind: 'choices', values: runLogSources, description: 'one or more, comma-separated' },
  },
  success: {
    envelope: 'list',
    resource: 'log',
    data: RunLogLine,
    streams: ['application/x-ndjson', 'text/event-stream'],
  },
  refusals: [notFound],
});

const rows = { envelope: 'list', resource: 'row', data: Row, streams: ['application/x-ndjson'] } as const;

export const runOutput = operation({
  id: 'run_output',
  method: 'GET',
  path: '/runs/{runId}/output',
  chapter,
  tag: 'ours',
  summary: 'Read the rows a run wrote',
  access: 'read-403',
  scope: 'runs:read',
  subject: 'run',
  success: rows,
  refusals: [notFound],
});

export const runFeedback = operation({
  id: 'run_feedback',
  method: 'GET',
  path: '/runs/{runId}/feedback',
  chapter,
  tag: 'ours',
  summary: 'Read the feedback a run wrote',
  access: 'read-403',
  scope: 'runs:read',
  subject: 'run',
  success: rows,
  refusals: [notFound],
});

export const runFileList = operation({
  id: 'run_file_list',
  method: 'GET',
  path: '/runs/{runId}/files',
  chapter,
  tag: 'ours',
  summary: 'List the files a run left',
  access: 'read-403',
  scope: 'runs:read',
  subject: 'run',
  success: { envelope: 'list', resource: 'run-file', data: RunFile },
  refusals: [notFound],
});

export const runFileShow = operation({
  id: 'run_file_show',
  method: 'GET',
  path: '/runs/{runId}/files/{store}/{path}',
  chapter,
  tag: 'ours',
  summary: 'Download a file a run left',
  access: 'read-403',
  scope: 'runs:read',
  subject: 'run',
  success: { envelope: 'file' },
  refusals: [notFound, { status: 404, body: { message: 'File not found.' } }],
});

export const runStats = operation({
  id: 'run_stats',
  method: 'GET',
  path: '/runs/{runId}/stats',
  chapter,
  tag: 'ours',
  summary: 'Show the statistics of a run',
  access: 'read-403',
  scope: 'runs:read',
  subject: 'run',
  success: { envelope: 'single', message: messages.list, resource: 'run-statistics', data: RunStatistics },
  refusals: [notFound],
});

export const runStatsList = operation({
  id: 'run_stats_list',
  method: 'GET',
  path: '/runs/stats',
  chapter,
  tag: 'ours',
  summary: 'List the statistics of runs',
  access: 'signed-in',
  scope: 'runs:read',
  query: filters,
  success: { envelope: 'list', resource: 'run-statistics', data: RunStatistics },
});
