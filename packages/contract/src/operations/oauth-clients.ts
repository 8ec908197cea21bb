import { oauthClientKinds, oauthGrantTypes, scopes } from '../enums.ts';
import { body, choice, list, nullableUuid, optional, requiredText, text } from '../fields.ts';
import { isHttpUrl } from '../http-url.ts';
import { operation } from '../operation.ts';
import { NewOAuthClient, OAuthClient } from '../representations/oauth-client.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules, FieldErrors } from '../validation.ts';

const chapter = '5.13 Users, tokens, clients';
const noMachine = 'A public client can not use client_credentials.';

/** Where a code may be sent: https, or http on the loopback address; a fragment is never sent. */
function isRedirectUri(uri: string): boolean {
  const url = isHttpUrl(uri) ? URL.parse(uri) : null;
  if (url === null || uri.includes('#')) return false;
  return url.protocol === 'https:' || ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
}

const clientRules: BodyRules = ({ kind, user, ...fields }) => {
  const grants = Array.isArray(fields['grant-types']) ? fields['grant-types'] : [];
  const uris = Array.isArray(fields['redirect-uris']) ? fields['redirect-uris'] : [];
  const errors: FieldErrors = {};
  if (kind === 'public' && grants.includes('client_credentials')) errors['grant-types'] = noMachine;
  if (grants.includes('authorization_code') && uris.length === 0) errors['redirect-uris'] = texts.blank;
  for (const [index, uri] of uris.entries()) {
    if (typeof uri === 'string' && !isRedirectUri(uri)) errors[`redirect-uris[${index}]`] = texts.url;
  }
  if (grants.includes('client_credentials') && (user ?? null) === null) errors.user = texts.blank;
  return errors;
};

const refusal = (errors: FieldErrors) =>
  ({ status: 400, body: { message: messages.badRequest, errors } }) as const;

export const oauthClientList = operation({
  id: 'oauth_client_list',
  method: 'GET',
  path: '/oauth-clients',
  chapter,
  tag: 'ours',
  summary: 'List OAuth clients',
  access: 'admin',
  scope: 'admin',
  success: { envelope: 'list', resource: 'oauth-client', data: OAuthClient },
});

export const oauthClientCreate = operation({
  id: 'oauth_client_create',
  method: 'POST',
  path: '/oauth-clients',
  chapter,
  tag: 'ours',
  summary: 'Register an OAuth client; the answer is the only place that shows its secret',
  access: 'admin',
  scope: 'admin',
  body: body({
    name: requiredText(),
    kind: choice(oauthClientKinds),
    'grant-types': list(choice(oauthGrantTypes), { min: 1, texts: { item: texts.choice } }),
    'redirect-uris': optional(list(text({ max: 2000 }))),
    scopes: list(choice(scopes), { min: 1, texts: { item: texts.choice } }),
    user: optional(nullableUuid()),
  }),
  rules: clientRules,
  success: {
    envelope: 'single',
    status: 201,
    message: 'OAuth client created.',
    resource: 'oauth-client',
    data: NewOAuthClient,
  },
  refusals: [
    refusal({ 'grant-types': noMachine }),
    refusal({ 'redirect-uris': texts.blank }),
    refusal({ 'redirect-uris[0]': texts.url }),
    refusal({ user: texts.blank }),
    refusal({ user: 'User not found.' }),
  ],
});

export const oauthClientDelete = operation({
  id: 'oauth_client_delete',
  method: 'DELETE',
  path: '/oauth-clients/{clientId}',
  chapter,
  tag: 'ours',
  summary: 'Delete an OAuth client; its tokens stop at once',
  access: 'admin',
  scope: 'admin',
  success: { envelope: 'empty' },
  refusals: [{ status: 404, body: { message: 'OAuth client not found.' } }],
});
