import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import {
  createAuthentication,
  deleteAuthentication,
  updateAuthentication,
} from './change-authentications.ts';
import { deleteSecret } from './delete-secret.ts';
import { listAuthentications } from './list-authentications.ts';
import { listSecrets } from './list-secrets.ts';
import { putSecret } from './put-secret.ts';
import { resolveAuthentication, resolveSecret } from './resolver.ts';

export const secretResolvers = { secret: resolveSecret, authentication: resolveAuthentication };

export const secretRoutes: Route[] = [
  route(operations.secretList, listSecrets),
  route(operations.secretPut, putSecret),
  route(operations.secretDelete, deleteSecret),
  route(operations.authenticationList, listAuthentications),
  route(operations.authenticationCreate, createAuthentication),
  route(operations.authenticationUpdate, updateAuthentication),
  route(operations.authenticationDelete, deleteAuthentication),
];
