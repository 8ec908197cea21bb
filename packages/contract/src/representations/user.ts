import Type from 'typebox';
import { roles, scopes, userStatuses } from '../enums.ts';
import { nullable, oneOf, Time, Uuid } from './common.ts';
import { DevDefaults, ProdDefaults } from './organization.ts';

const userProperties = {
  uuid: Uuid,
  name: nullable(Type.String()),
  email: Type.String(),
  role: oneOf(roles),
  status: oneOf(userStatuses),
  organizations: Type.Array(Type.Object({ uuid: Uuid, name: Type.String() })),
  'dev-defaults': nullable(DevDefaults),
  'prod-defaults': nullable(ProdDefaults),
  'last-seen-at': nullable(Time),
  'created-at': Time,
  'updated-at': Time,
};

export const User = Type.Object(userProperties);

/** The caller, with what their token may do. */
export const Me = Type.Object({ ...userProperties, scopes: Type.Array(oneOf(scopes)) });
