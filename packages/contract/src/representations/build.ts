import Type from 'typebox';
import { buildStatuses, buildSteps } from '../enums.ts';
import { nullable, oneOf, Time, Uuid } from './common.ts';

const stepStatuses = ['pending', 'running', 'done', 'failed', 'skipped'] as const;

/** A build (3.8); it has the id of its background state. */
export const Build = Type.Object({
  id: Uuid,
  'connector-id': Uuid,
  'connector-version': Type.String(),
  status: oneOf(buildStatuses),
  position: nullable(Type.Integer({ minimum: 1 })),
  branch: Type.String(),
  commit: nullable(Type.String()),
  'image-name': nullable(Type.String()),
  'image-tag': nullable(Type.String()),
  digest: nullable(Type.String()),
  'duration-ms': nullable(Type.Integer()),
  steps: Type.Array(
    Type.Object({
      name: oneOf(buildSteps),
      status: oneOf(stepStatuses),
      'started-at': nullable(Time),
      'finished-at': nullable(Time),
      'duration-ms': nullable(Type.Integer()),
    }),
  ),
  failure: nullable(
    Type.Object({
      step: oneOf(buildSteps),
      error: Type.String(),
      'exit-code': nullable(Type.Integer()),
    }),
  ),
  'triggered-by': Uuid,
  'created-at': Time,
  'started-at': nullable(Time),
  'finished-at': nullable(Time),
});
