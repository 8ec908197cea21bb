import Type from 'typebox';
import { backgroundActions, stateStatuses } from '../enums.ts';
import { oneOf, Time, Uuid } from './common.ts';

const anything = Type.Object({}, { additionalProperties: true });

/** A background operation (3.6). */
export const State = Type.Object({
  id: Uuid,
  status: oneOf(stateStatuses),
  name: oneOf(backgroundActions),
  owner: Uuid,
  created: Time,
  config: anything,
  // An empty list while there is no result; `{"error","step"}` when it failed.
  data: Type.Union([Type.Array(Type.Never(), { maxItems: 0 }), anything]),
});
