import { authenticationCreateRules } from '../authentication-rules.ts';
import { authenticationKinds } from '../enums.ts';
import {
  body,
  boolean,
  choice,
  list,
  nullableBody,
  nullableText,
  optional,
  positiveInteger,
  requiredText,
  text,
} from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { Authentication } from '../representations/authentication.ts';
import { messages, texts } from '../texts.ts';

const chapter = '5.15 Authentications (provider kinds)';

const notFound: Refusal = { status: 404, body: { message: 'Authentication not found.' } };

const faulty = (errors: Record<string, string>): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors },
});

/** What a provider kind consists of, beside its id and kind. */
const settings = {
  name: requiredText(),
  fields: list(
    body({
      name: requiredText({ pattern: /^[A-Za-z][A-Za-z0-9_-]*$/ }),
      label: optional(text()),
      secret: optional(boolean()),
    }),
    { min: 1 },
  ),
  oauth2: optional(
    nullableBody({
      'authorization-url': requiredText({ max: 2000 }),
      'token-url': requiredText({ max: 2000 }),
      scopes: optional(list(requiredText())),
      'client-id': requiredText({ max: 2000 }),
      'client-secret': optional(nullableText({ max: 65_536, verbatim: true })),
    }),
  ),
};

const refusals = [
  faulty({ 'fields[0].name': texts.invalid }),
  faulty({ 'fields[1].name': texts.used }),
  faulty({ 'oauth2.token-url': texts.url }),
];

export const authenticationList = operation({
  id: 'authentication_list',
  method: 'GET',
  path: '/authentications',
  chapter,
  tag: 'ours',
  summary: 'List the kinds of providers',
  access: 'signed-in',
  scope: 'connectors:read',
  query: { name: { kind: 'text', description: 'contains, in any case' } },
  success: { envelope: 'list', resource: 'authentication', data: Authentication },
});

export const authenticationCreate = operation({
  id: 'authentication_create',
  method: 'POST',
  path: '/authentications',
  chapter,
  tag: 'ours',
  summary: 'Create a kind of provider',
  access: 'admin',
  scope: 'admin',
  body: body({
    id: optional(positiveInteger()),
    name: settings.name,
    kind: choice(authenticationKinds),
    fields: settings.fields,
    oauth2: settings.oauth2,
  }),
  rules: authenticationCreateRules,
  success: {
    envelope: 'single',
    status: 201,
    message: 'Authentication created.',
    resource: 'authentication',
    data: Authentication,
  },
  refusals: [faulty({ id: texts.positive }), faulty({ id: texts.used }), ...refusals],
});

export const authenticationUpdate = operation({
  id: 'authentication_update',
  method: 'PUT',
  path: '/authentications/{authenticationId}',
  chapter,
  tag: 'ours',
  summary: 'Replace the settings of a kind of provider',
  access: 'admin',
  scope: 'admin',
  subject: 'authentication',
  body: body(settings),
  // Whether `oauth2` must be sent depends on the kind that is stored.
  looseBody: true,
  success: {
    envelope: 'single',
    message: 'Authentication updated.',
    resource: 'authentication',
    data: Authentication,
  },
  refusals: [...refusals, notFound],
});

export const authenticationDelete = operation({
  id: 'authentication_delete',
  method: 'DELETE',
  path: '/authentications/{authenticationId}',
  chapter,
  tag: 'ours',
  summary: 'Delete a kind of provider that no version registers',
  access: 'admin',
  scope: 'admin',
  subject: 'authentication',
  success: { envelope: 'empty' },
  refusals: [
    { status: 400, body: { message: 'Authentication is registered in a connector.', errors: [] } },
    notFound,
  ],
});
