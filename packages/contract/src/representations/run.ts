import Type from 'typebox';
import { failureOrigins, logLevels, runFileStores, runLogSources, runStates } from '../enums.ts';
import { Integers, nullable, oneOf, Time, Uuid } from './common.ts';

/** 3.7 */
export const Run = Type.Object({
  id: Uuid,
  'connector-id': Uuid,
  'connector-version': Type.String(),
  state: oneOf(runStates),
  'process-id': Uuid,
  'site-id': Type.Integer(),
  'site-name': Type.String(),
  'project-id': Type.Integer(),
  'project-name': Type.String(),
  'account-id': Type.Integer(),
  'account-name': Type.String(),
  'exit-code': nullable(Type.Integer()),
  'container-api-docker-image': nullable(Type.String()),
  'container-api-version-constraint': nullable(Type.String()),
  'cli-command': nullable(Type.String()),
  'registered-secrets': nullable(Type.Array(Type.String())),
  authentications: nullable(Integers),
  'connector-setup-config': nullable(Type.Record(Type.String(), Type.String())),
  'started-at': nullable(Time),
  'finished-at': nullable(Time),
  'created-at': Time,
});

const Counts = Type.Record(Type.String(), Type.Integer());

/** 3.7.1 */
export const RunStatistics = Type.Object({
  run: Uuid,
  engine: Type.String(),
  commit: nullable(Type.String()),
  'image-digest': nullable(Type.String()),
  'queued-ms': nullable(Type.Integer()),
  'duration-ms': nullable(Type.Integer()),
  'cpu-ms': nullable(Type.Integer()),
  'memory-peak-mb': nullable(Type.Integer()),
  'rows-read': Counts,
  'rows-written': Type.Object({ output: Type.Integer(), feedback: Type.Integer() }),
  'container-api-requests': Type.Integer(),
  'container-api-errors': Type.Integer(),
  'log-lines': Counts,
  'input-available': Type.Boolean(),
  'output-available': Type.Boolean(),
  failure: nullable(Type.Object({ origin: oneOf(failureOrigins), reason: Type.String() })),
});

/** 3.7.2, of a run. */
export const RunLogLine = Type.Object({
  number: Type.Integer(),
  time: Time,
  level: oneOf(logLevels),
  severity: Type.Integer(),
  source: oneOf(runLogSources),
  message: Type.String(),
  context: nullable(Type.Object({}, { additionalProperties: true })),
});

/** A row: column → text, in column order. */
export const Row = Type.Record(Type.String(), Type.String());

/** A file that a run left (5.11), by store and path. */
export const RunFile = Type.Object({
  store: oneOf(runFileStores),
  path: Type.String(),
  'size-bytes': Type.Integer(),
  'updated-at': Time,
});

/** The answer of a start. */
export const RunStarted = Type.Object({ run: Type.Object({ uuid: Uuid }), 'process-id': Uuid });
