import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { handover } from './handover.ts';
import { listUsers, showMe } from './read-users.ts';
import { resolveUser } from './resolver.ts';
import { createToken, deleteToken, listTokens } from './tokens.ts';
import { updateIntegratorDefaults } from './update-integrator-defaults.ts';
import { updateUser } from './update-user.ts';

export const identityResolvers = { user: resolveUser };

export const identityRoutes: Route[] = [
  route(operations.meShow, showMe),
  route(operations.userList, listUsers),
  route(operations.userUpdate, updateUser),
  route(operations.tokenList, listTokens),
  route(operations.tokenCreate, createToken),
  route(operations.tokenDelete, deleteToken),
  route(operations.handover, handover),
  route(operations.updateIntegratorDefaults, updateIntegratorDefaults),
];
