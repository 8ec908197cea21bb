import Type from 'typebox';
import { connectorTypes, logLevels } from '../enums.ts';
import { type Endpoint, path, query, word } from './endpoint.ts';

const run = 'Run';
const messages = 'Messages';
const checkpoints = 'Checkpoints';

const message = Type.String({ minLength: 1, description: 'What is longer than the limit is cut off' });
const context = Type.Object({}, { additionalProperties: true });

const Named = Type.Object({ id: Type.Integer(), name: Type.String() });

const key = path('key', Type.String({ pattern: '^[A-Za-z0-9._-]{1,128}$' }));
const commit = query(
  'commit',
  word('success', 'now'),
  '`success` (default): permanent with the take-over of a successful run; `now`: at once',
);
const ifMatch = {
  name: 'If-Match',
  in: 'header',
  schema: Type.String(),
  description: 'Only if the checkpoint has this version, as in `"3"`',
} as const;
const noKey = 'The key is not valid';
const gone = '`State not found.`';
const changed = '`The resource has changed since it was read.`';

export const messageEndpoints: readonly Endpoint[] = [
  {
    id: 'ping',
    method: 'GET',
    path: '/ping',
    group: run,
    tag: 'documented',
    summary: 'Is it ready?',
    success: { status: 200, message: 'pong' },
  },
  {
    id: 'metadata',
    method: 'GET',
    path: '/metadata',
    group: run,
    tag: 'ours',
    summary: 'About the run',
    description: 'Site, project and account of a local run have the id 0 and the name `local`.',
    success: {
      status: 200,
      message: '',
      data: Type.Object({
        site: Named,
        project: Named,
        account: Named,
        connector: Type.Object({
          id: Type.String({ format: 'uuid' }),
          name: Type.String(),
          type: word(...connectorTypes),
        }),
        version: Type.String(),
        environment: word('dev', 'prod'),
        stage: word('import', 'intermediate', 'export'),
        'process-id': Type.String({ format: 'uuid' }),
        'run-id': Type.String({ format: 'uuid' }),
      }),
    },
  },
  {
    id: 'log',
    method: 'POST',
    path: '/logs/{level}',
    group: messages,
    tag: 'documented',
    summary: 'Write a log entry',
    parameters: [path('level', word(...logLevels), 'In any case')],
    body: Type.Object({ message, context: Type.Optional(context) }),
    idempotent: true,
    success: { status: 201, message: 'Written successfully.' },
    errors: { 400: 'The message is blank or no text, or the context is no object' },
  },
  {
    id: 'notify',
    method: 'POST',
    path: '/notifications/{level}',
    group: messages,
    tag: 'ours',
    summary: 'Tell the users of the site something, at once',
    parameters: [path('level', word('success', 'info', 'warning', 'error'))],
    body: Type.Object({ message }),
    idempotent: true,
    success: { status: 201, message: 'Notification sent.' },
    errors: { 400: 'The message is blank or no text' },
  },
  {
    id: 'write_events',
    method: 'POST',
    path: '/event-log',
    group: messages,
    tag: 'ours',
    summary: 'Tell the users of the site about single items',
    description: 'The code begins with its severity: `INFO_`, `WARNING_` or `ERROR_`.',
    body: Type.Object({
      events: Type.Array(
        Type.Object({
          code: Type.String({ pattern: '^[A-Z][A-Z0-9_]{0,63}$' }),
          message,
          'item-id': Type.Optional(Type.Union([Type.String(), Type.Number(), Type.Null()])),
          context: Type.Optional(context),
        }),
        { minItems: 1 },
      ),
    }),
    idempotent: true,
    success: { status: 201, message: 'Written successfully.' },
    errors: { 400: 'Events are wrong' },
  },
  {
    id: 'read_state',
    method: 'GET',
    path: '/state/{key}',
    group: checkpoints,
    tag: 'ours',
    summary: 'Read a checkpoint',
    parameters: [key],
    success: {
      status: 200,
      message: '',
      data: Type.Object({
        key: Type.String(),
        value: Type.Unknown(),
        version: Type.Integer(),
        'updated-at': Type.String({ format: 'date-time' }),
      }),
      etag: true,
    },
    errors: { 400: noKey, 404: gone },
  },
  {
    id: 'save_state',
    method: 'PUT',
    path: '/state/{key}',
    group: checkpoints,
    tag: 'ours',
    summary: 'Save a checkpoint for the next run',
    parameters: [
      key,
      commit,
      ifMatch,
      { name: 'If-None-Match', in: 'header', schema: word('*'), description: 'Only if the key is new' },
    ],
    body: Type.Object({ value: Type.Unknown() }),
    success: {
      status: 200,
      message: 'State saved.',
      data: Type.Object({ key: Type.String(), version: Type.Integer() }),
      etag: true,
    },
    errors: { 400: 'The key, the value or `commit` is not valid', 412: changed },
  },
  {
    id: 'delete_state',
    method: 'DELETE',
    path: '/state/{key}',
    group: checkpoints,
    tag: 'ours',
    summary: 'Delete a checkpoint',
    parameters: [key, commit, ifMatch],
    success: { status: 204 },
    errors: { 400: 'The key or `commit` is not valid', 404: gone, 412: changed },
  },
];
