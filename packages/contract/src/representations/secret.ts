import Type from 'typebox';
import { nullable, Time, Uuid } from './common.ts';

export const Secret = Type.Object({
  path: Type.String(),
  ini_header: Type.String(),
  fields: Type.Array(Type.String()),
  owner: nullable(Uuid),
  registrations: Type.Integer(),
  'last-updated-by': Uuid,
  'created-at': Time,
  'updated-at': Time,
});
