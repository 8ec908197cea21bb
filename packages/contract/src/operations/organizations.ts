import {
  body,
  choice,
  integer,
  list,
  nullableBody,
  nullablePositiveInteger,
  optional,
  positiveInteger,
  positiveIntegers,
  requiredText,
} from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { IntegratorDefaults, notificationTriggers, Organization } from '../representations/organization.ts';
import { messages, texts } from '../texts.ts';

const chapter = '5.12 Management';

const organizationNotFound: Refusal = { status: 404, body: { message: 'Organization not found.' } };
const userNotFound: Refusal = { status: 404, body: { message: 'User not found.' } };

const faulty = (errors: Record<string, string>): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors },
});

const nameText = 'Organization name can contain only letters, numbers, dash, underscore and spaces.';
const organizationName = requiredText({
  max: 100,
  pattern: /^[\p{L}\p{M}\p{N}_ -]+$/u,
  texts: { pattern: nameText },
});
const nameRefusals = [faulty({ name: nameText }), faulty({ name: texts.used })];

const DefaultsBody = body({
  'dev-defaults': optional(
    nullableBody({ account: positiveInteger(), project: optional(nullablePositiveInteger()) }),
  ),
  'prod-defaults': optional(
    nullableBody({
      accounts: optional(positiveIntegers()),
      projects: optional(positiveIntegers()),
      sites: optional(positiveIntegers()),
    }),
  ),
});
const defaultsRefusals = [
  faulty({ 'dev-defaults.account': texts.positive }),
  faulty({ 'prod-defaults.accounts': texts.positiveList }),
];

const one = (message: string, status: 200 | 201 = 200) =>
  ({ envelope: 'single', status, message, resource: 'organization', data: Organization }) as const;

export const organizationList = operation({
  id: 'organization_list',
  method: 'GET',
  path: '/organizations',
  chapter,
  tag: 'ours',
  summary: 'List organizations',
  access: 'signed-in',
  scope: 'connectors:read',
  query: { name: { kind: 'text', description: 'contains, in any case' } },
  success: { envelope: 'list', resource: 'organization', data: Organization },
});

export const organizationCreate = operation({
  id: 'organization_create',
  method: 'POST',
  path: '/organizations',
  chapter,
  tag: 'documented',
  summary: 'Create an organization',
  access: 'admin',
  scope: 'admin',
  body: body({ name: organizationName }),
  success: one('Successfully created a new organization.', 201),
  refusals: nameRefusals,
});

export const organizationShow = operation({
  id: 'organization_show',
  method: 'GET',
  path: '/organizations/{organizationId}',
  chapter,
  tag: 'documented',
  summary: 'Show an organization',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'organization',
  success: one(messages.list),
  refusals: [organizationNotFound],
});

export const organizationUpdate = operation({
  id: 'organization_update',
  method: 'PATCH',
  path: '/organizations/{organizationId}',
  chapter,
  tag: 'ours',
  summary: "Change an organization's name, limit or notifications",
  access: 'admin',
  scope: 'admin',
  subject: 'organization',
  body: body({
    name: optional(organizationName),
    'connectors-limit': optional(integer({ minimum: 0, maximum: 10_000 })),
    'notification-config': optional(
      nullableBody({
        destination: requiredText(),
        triggers: list(choice(notificationTriggers), { min: 1, texts: { item: texts.choice } }),
      }),
    ),
  }),
  success: one('Successfully updated organization.'),
  refusals: [
    ...nameRefusals,
    faulty({ 'connectors-limit': texts.between(0, 10_000) }),
    faulty({ 'notification-config.destination': texts.blank }),
    faulty({ 'notification-config.triggers': texts.choice }),
    organizationNotFound,
  ],
});

export const organizationDelete = operation({
  id: 'organization_delete',
  method: 'DELETE',
  path: '/organizations/{organizationId}',
  chapter,
  tag: 'ours',
  summary: 'Delete an organization that owns nothing any more',
  access: 'admin',
  scope: 'admin',
  subject: 'organization',
  success: { envelope: 'empty' },
  refusals: [
    {
      status: 400,
      body: { message: 'Organization still owns connectors, buckets or secrets.', errors: [] },
    },
    organizationNotFound,
  ],
});

export const addMemberToOrganization = operation({
  id: 'add_member_to_organization',
  method: 'PUT',
  path: '/organizations/{organizationId}/members/{memberId}',
  chapter,
  tag: 'documented',
  summary: 'Add a member to an organization',
  access: 'admin',
  scope: 'admin',
  subject: 'organization',
  success: one(messages.list),
  refusals: [organizationNotFound, userNotFound],
});

export const removeMemberFromOrganization = operation({
  id: 'remove_member_from_organization',
  method: 'DELETE',
  path: '/organizations/{organizationId}/members/{memberId}',
  chapter,
  tag: 'documented',
  summary: 'Remove a member from an organization',
  access: 'admin',
  scope: 'admin',
  subject: 'organization',
  success: one(messages.list),
  refusals: [organizationNotFound],
});

export const updateOrganizationDefaultTargets = operation({
  id: 'update_organization_default_targets',
  method: 'PUT',
  path: '/defaults/organizations/{organizationId}',
  chapter,
  tag: 'documented',
  summary: "Set where an organization's new versions go by default",
  access: 'admin',
  scope: 'admin',
  subject: 'organization',
  body: DefaultsBody,
  success: one('Successfully updated organization default targets.'),
  refusals: [...defaultsRefusals, organizationNotFound],
});

export const updateIntegratorDefaults = operation({
  id: 'update_integrator_defaults',
  method: 'PUT',
  path: '/defaults/integrators/{integratorId}',
  chapter,
  tag: 'documented',
  summary: "Set where a user's new versions go by default",
  access: 'admin',
  scope: 'admin',
  subject: 'user',
  body: DefaultsBody,
  success: {
    envelope: 'single',
    message: 'Successfully updated integrator defaults.',
    resource: 'integrator-defaults',
    data: IntegratorDefaults,
  },
  refusals: [...defaultsRefusals, userNotFound],
});
