import Type from 'typebox';
import { nullable, Time, Uuid } from './common.ts';

/** Where a user is signed in. `current` is the one that asks. */
export const SignIn = Type.Object({
  id: Uuid,
  client: Type.String(),
  ip: nullable(Type.String()),
  'user-agent': nullable(Type.String()),
  current: Type.Boolean(),
  'created-at': Time,
  'last-used-at': Time,
});
