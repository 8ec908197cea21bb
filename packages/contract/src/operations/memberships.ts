import Type from 'typebox';
import { body, choice, positiveInteger } from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { oneOf, Time, Uuid } from '../representations/common.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules } from '../validation.ts';

const chapter = '6.2 Accounts, projects, sites';

const levels = ['account', 'project', 'site'] as const;
const rights = ['admin', 'write', 'read'] as const;

const missing = (thing: string): Refusal => ({ status: 404, body: { message: `${thing} not found.` } });
const field = (key: string, message: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: message } },
});

/** A user's right on an account, project or site, and on all below it. */
const Membership = Type.Object({
  id: Uuid,
  user: Uuid,
  level: oneOf(levels),
  target: Type.Integer(),
  right: oneOf(rights),
  'created-at': Time,
  'updated-at': Time,
});

export const platformMembershipList = operation({
  id: 'platform_membership_list',
  method: 'GET',
  path: '/platform/accounts/{accountId}/members',
  chapter,
  tag: 'ours',
  summary: 'List the memberships of an account and of all below it',
  access: 'account-admin',
  scope: 'platform:read',
  subject: 'account',
  success: { envelope: 'list', resource: 'membership', data: Membership },
  refusals: [missing('Account')],
});

/** Only an account can be administered. */
const membershipRules: BodyRules = ({ level, right }): Record<string, string> =>
  right === 'admin' && level !== 'account' ? { right: texts.choice } : {};

export const platformMembershipPut = operation({
  id: 'platform_membership_put',
  method: 'PUT',
  path: '/platform/accounts/{accountId}/members/{userId}',
  chapter,
  tag: 'ours',
  summary: 'Give a user a right',
  access: 'account-admin',
  scope: 'platform:write',
  subject: 'account',
  body: body({ level: choice(levels), target: positiveInteger(), right: choice(rights) }),
  rules: membershipRules,
  // The user is looked up before the fields are checked (1.3).
  looseBody: true,
  success: { envelope: 'single', message: 'Membership saved.', resource: 'membership', data: Membership },
  refusals: [
    field('target', 'This value is not part of the account.'),
    field('right', texts.choice),
    missing('Account'),
    missing('User'),
  ],
});

export const platformMembershipDelete = operation({
  id: 'platform_membership_delete',
  method: 'DELETE',
  path: '/platform/accounts/{accountId}/members/{userId}',
  chapter,
  tag: 'ours',
  summary: 'Take rights from a user',
  access: 'account-admin',
  scope: 'platform:write',
  subject: 'account',
  query: {
    level: { kind: 'choice', values: levels },
    target: { kind: 'integer', description: 'id of the account, project or site' },
  },
  success: { envelope: 'empty' },
  refusals: [missing('Account'), missing('Membership')],
});
