import Type from 'typebox';
import { authenticationKinds } from '../enums.ts';
import { nullable, oneOf, Time } from './common.ts';

export const Authentication = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  kind: oneOf(authenticationKinds),
  fields: Type.Array(Type.Object({ name: Type.String(), label: Type.String(), secret: Type.Boolean() })),
  oauth2: nullable(
    Type.Object({
      'authorization-url': Type.String(),
      'token-url': Type.String(),
      scopes: Type.Array(Type.String()),
      'client-id': Type.String(),
      'client-secret': Type.Literal('***'),
    }),
  ),
  'created-at': Time,
  'updated-at': Time,
});
