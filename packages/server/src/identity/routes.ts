import { operations } from '@slipway/contract';
import { type Route, route } from '../http/route.ts';
import { handover } from './handover.ts';
import { acceptInvitation, inviteUser, resolveInvitation } from './invitations.ts';
import { createClient, deleteClient, listClients } from './oauth/manage-clients.ts';
import { deleteSignIn, listSignIns } from './oauth/sign-ins.ts';
import { listUsers, showMe } from './read-users.ts';
import { resolveUser } from './resolver.ts';
import { createToken, deleteToken, listTokens } from './tokens.ts';
import { updateIntegratorDefaults } from './update-integrator-defaults.ts';
import { updatePassword } from './update-password.ts';
import { updateUser } from './update-user.ts';

export const identityResolvers = { user: resolveUser, invitation: resolveInvitation };

export const identityRoutes: Route[] = [
  route(operations.meShow, showMe),
  route(operations.userList, listUsers),
  route(operations.userUpdate, updateUser),
  route(operations.tokenList, listTokens),
  route(operations.tokenCreate, createToken),
  route(operations.tokenDelete, deleteToken),
  route(operations.handover, handover),
  route(operations.meUpdatePassword, updatePassword),
  route(operations.signInList, listSignIns),
  route(operations.signInDelete, deleteSignIn),
  route(operations.userInvite, inviteUser),
  route(operations.invitationAccept, acceptInvitation),
  route(operations.oauthClientList, listClients),
  route(operations.oauthClientCreate, createClient),
  route(operations.oauthClientDelete, deleteClient),
  route(operations.updateIntegratorDefaults, updateIntegratorDefaults),
];
