import { roles, scopes, userStatuses } from '../enums.ts';
import { body, choice, integer, list, nullableText, optional, requiredText } from '../fields.ts';
import { operation } from '../operation.ts';
import { NewToken, Token } from '../representations/token.ts';
import { Me, User } from '../representations/user.ts';
import { messages, texts } from '../texts.ts';

const chapter = '5.13 Users, tokens, clients';

export const meShow = operation({
  id: 'me_show',
  method: 'GET',
  path: '/me',
  chapter,
  tag: 'ours',
  summary: 'Show who the token belongs to and what it may do',
  access: 'signed-in',
  scope: null,
  success: { envelope: 'single', message: messages.list, resource: 'user', data: Me },
});

export const userList = operation({
  id: 'user_list',
  method: 'GET',
  path: '/users',
  chapter,
  tag: 'ours',
  summary: 'List users: all of them for an admin, fellow members for others',
  access: 'signed-in',
  scope: 'connectors:read',
  query: {
    name: { kind: 'text', description: 'name or e-mail address contains, in any case' },
    role: { kind: 'choice', values: roles },
    status: { kind: 'choice', values: userStatuses },
  },
  success: { envelope: 'list', resource: 'user', data: User },
});

export const userUpdate = operation({
  id: 'user_update',
  method: 'PATCH',
  path: '/users/{userId}',
  chapter,
  tag: 'ours',
  summary: "Change a user's name, role or status; one's own name",
  access: 'admin',
  scope: 'admin',
  oneself: 'userId',
  subject: 'user',
  body: body({
    name: optional(nullableText()),
    role: optional(choice(roles)),
    status: optional(choice(['active', 'disabled'])),
  }),
  success: { envelope: 'single', message: 'User updated.', resource: 'user', data: User },
  refusals: [
    { status: 400, body: { message: 'At least one active admin is needed.', errors: [] } },
    { status: 404, body: { message: 'User not found.' } },
  ],
});

export const tokenList = operation({
  id: 'token_list',
  method: 'GET',
  path: '/tokens',
  chapter,
  tag: 'ours',
  summary: 'List personal access tokens',
  access: 'signed-in',
  scope: null,
  query: { user: { kind: 'uuid', description: "an admin may ask for another user's" } },
  success: { envelope: 'list', resource: 'token', data: Token },
});

export const tokenCreate = operation({
  id: 'token_create',
  method: 'POST',
  path: '/tokens',
  chapter,
  tag: 'ours',
  summary: 'Create a personal access token',
  access: 'signed-in',
  scope: null,
  body: body({
    name: requiredText(),
    scopes: list(choice(scopes), { min: 1, texts: { item: texts.choice } }),
    'expires-in-days': optional(integer({ minimum: 1, maximum: 365 })),
  }),
  success: {
    envelope: 'single',
    status: 201,
    message: 'Token created.',
    resource: 'token',
    data: NewToken,
  },
  refusals: [
    { status: 400, body: { message: messages.badRequest, errors: { scopes: 'You can not grant: admin' } } },
  ],
});

export const tokenDelete = operation({
  id: 'token_delete',
  method: 'DELETE',
  path: '/tokens/{tokenId}',
  chapter,
  tag: 'ours',
  summary: 'Delete a personal access token; it stops at once',
  access: 'signed-in',
  scope: null,
  success: { envelope: 'empty' },
  refusals: [{ status: 404, body: { message: 'Token not found.' } }],
});
