import Type from 'typebox';
import { scopes } from '../enums.ts';
import { nullable, oneOf, Time, Uuid } from './common.ts';

const tokenProperties = {
  id: Uuid,
  name: Type.String(),
  prefix: Type.String(),
  scopes: Type.Array(oneOf(scopes)),
  user: Uuid,
  'expires-at': Time,
  'last-used-at': nullable(Time),
  'created-at': Time,
};

export const Token = Type.Object(tokenProperties);

/** The answer that creates a token is the only one that shows it. */
export const NewToken = Type.Object({ ...tokenProperties, token: Type.String() });
