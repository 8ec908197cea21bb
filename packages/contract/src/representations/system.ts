import Type from 'typebox';
import { nullable, oneOf, Time, Uuid } from './common.ts';

export const System = Type.Object({
  version: Type.String(),
  engine: oneOf(['docker', 'kubernetes', 'sandbox', 'process']),
  isolation: oneOf(['none', 'sandbox', 'container']),
  settings: Type.Array(
    Type.Object({
      name: Type.String(),
      value: nullable(Type.String()),
      source: oneOf(['default', 'environment', 'file']),
    }),
  ),
  storage: Type.Object({ 'used-bytes': Type.Integer(), 'free-bytes': Type.Integer() }),
  database: Type.Object({ embedded: Type.Boolean(), version: Type.String(), 'size-bytes': Type.Integer() }),
  workers: Type.Array(
    Type.Object({ id: Uuid, role: Type.String(), 'started-at': Time, 'last-heartbeat-at': Time }),
  ),
});

export const queueKinds = ['build', 'run', 'process', 'state'] as const;

export const QueueEntry = Type.Object({
  id: Uuid,
  kind: oneOf(queueKinds),
  name: nullable(Type.String()),
  status: oneOf(['queued', 'running']),
  position: nullable(Type.Integer()),
  worker: nullable(Uuid),
  'created-at': Time,
  'started-at': nullable(Time),
});

export const ContainerApiVersion = Type.Object({
  version: Type.String(),
  image: Type.String(),
  default: Type.Boolean(),
});
