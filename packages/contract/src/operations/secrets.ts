import Type from 'typebox';
import { body, nullableUuid, optional } from '../fields.ts';
import { operation } from '../operation.ts';
import { Secret } from '../representations/secret.ts';
import { secretPathPattern } from '../secret-path.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules } from '../validation.ts';

const chapter = '5.14 Secrets';

const fieldNamePattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** Name → value, or null for the value that is stored. Values are taken as sent. */
const SecretFields = Type.Unsafe<Record<string, string | null>>({
  type: 'object',
  minProperties: 1,
  maxProperties: 50,
  additionalProperties: { type: ['string', 'null'], maxLength: 65_536 },
  'x-verbatim': true,
});

const fieldRules: BodyRules = ({ fields }) => {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) return {};
  const wrong = Object.entries(fields).filter(
    ([name, value]) => !fieldNamePattern.test(name) || (name === 'ini_header' && !isHeader(value)),
  );
  return Object.fromEntries(wrong.map(([name]) => [`fields.${name}`, texts.invalid]));
};

/** The field `ini_header` is shown and heads a section of a file: one line of text. */
const isHeader = (value: unknown): boolean =>
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters a header can not hold
  typeof value !== 'string' || (value.length <= 255 && !/[\u0000-\u001f\u007f]/.test(value));

export const secretList = operation({
  id: 'secret_list',
  method: 'GET',
  path: '/secrets',
  chapter,
  tag: 'ours',
  summary: 'List secrets, never their values',
  access: 'integrator',
  scope: 'connectors:read',
  query: { path: { kind: 'text', description: 'contains, in any case' } },
  success: { envelope: 'list', resource: 'secret', data: Secret },
});

export const secretPut = operation({
  id: 'secret_put',
  method: 'PUT',
  path: '/secrets/{path}',
  chapter,
  tag: 'ours',
  summary: 'Create a secret, or replace its fields',
  access: 'integrator',
  scope: 'secrets:write',
  patterns: { path: secretPathPattern },
  body: body({ fields: SecretFields, owner: optional(nullableUuid()) }),
  rules: fieldRules,
  success: { envelope: 'single', status: 201, message: 'Secret created.', resource: 'secret', data: Secret },
  refusals: [
    { path: texts.invalid },
    { path: texts.used },
    { fields: texts.blank },
    { 'fields.<name>': texts.invalid },
    { 'fields.<name>': texts.blank },
    { owner: 'You are not a member of this organization.' },
  ].map((errors) => ({ status: 400, body: { message: messages.badRequest, errors } }) as const),
});

export const secretDelete = operation({
  id: 'secret_delete',
  method: 'DELETE',
  path: '/secrets/{path}',
  chapter,
  tag: 'ours',
  summary: 'Delete a secret that no version registers',
  access: 'write-404',
  scope: 'secrets:write',
  subject: 'secret',
  success: { envelope: 'empty' },
  refusals: [
    { status: 400, body: { message: 'Secret is registered in a connector.', errors: [] } },
    { status: 404, body: { message: 'Secret not found.' } },
  ],
});
