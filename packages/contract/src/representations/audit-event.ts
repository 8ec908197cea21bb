import Type from 'typebox';
import { nullable, oneOf, Time, Uuid } from './common.ts';

export const AuditEvent = Type.Object({
  id: Uuid,
  time: Time,
  actor: Type.Object({
    uuid: nullable(Uuid),
    name: nullable(Type.String()),
    kind: oneOf(['user', 'client', 'system']),
  }),
  action: Type.String(),
  entity: Type.Object({ type: Type.String(), id: Type.String(), name: nullable(Type.String()) }),
  connector: nullable(Uuid),
  changes: Type.Array(Type.Object({ path: Type.String(), from: Type.Unknown(), to: Type.Unknown() })),
  'request-id': nullable(Type.String()),
  ip: nullable(Type.String()),
});
