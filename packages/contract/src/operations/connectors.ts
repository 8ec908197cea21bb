import Type from 'typebox';
import { connectorTypes, executionModes, flows } from '../enums.ts';
import {
  body,
  choice,
  nullablePositiveInteger,
  nullableText,
  optional,
  requiredText,
  uuid,
} from '../fields.ts';
import { operation, type QueryParameter } from '../operation.ts';
import { Connector } from '../representations/connector.ts';
import { messages, texts } from '../texts.ts';

const chapter = '5.1 Connectors';

/** Chapter 1.8: what a connector that does not exist, or is in the bin, answers. */
const notFound = { status: 404, body: { message: 'Connector not found.' } } as const;

const owners = {
  kind: 'uuids',
  sentence: 'Invalid connector user identifier.',
  description: 'owners, comma-separated or repeated; narrows what the caller may see',
} as const satisfies QueryParameter;

export const connectorList = operation({
  id: 'connector_list',
  method: 'GET',
  path: '/connectors',
  chapter,
  tag: 'documented',
  summary: 'List connectors',
  access: 'signed-in',
  scope: 'connectors:read',
  query: {
    name: { kind: 'text', description: 'contains, in any case' },
    type: { kind: 'choice', values: connectorTypes },
    owners,
    released: { kind: 'boolean', description: 'true: some version is released; false: none is' },
  },
  success: { envelope: 'list', resource: 'connector', data: Connector },
  refusals: [{ status: 400, body: { message: 'Invalid connector user identifier.', errors: [] } }],
});

export const connectorCreate = operation({
  id: 'connector_create',
  method: 'POST',
  path: '/connectors',
  chapter,
  tag: 'documented',
  summary: 'Create a connector',
  access: 'integrator',
  scope: 'connectors:write',
  body: body({
    'connector-type': choice(connectorTypes),
    'connector-name': requiredText(),
    'connector-description': optional(nullableText({ max: 2000 })),
    readme: optional(nullableText({ max: 65_536, verbatim: true })),
    flow: optional(choice(flows)),
    'execution-mode': optional(choice(executionModes)),
    owner: optional(uuid({ texts: { any: texts.uuid } })),
  }),
  success: {
    envelope: 'single',
    status: 201,
    message: 'Connector created.',
    resource: 'connector',
    data: Connector,
  },
  refusals: [
    {
      status: 400,
      body: { message: messages.badRequest, errors: { owner: 'You are not a member of this organization.' } },
    },
    {
      status: 400,
      body: {
        message: messages.badRequest,
        errors: { connector: 'The organization has reached its limit of 10 connectors.' },
      },
    },
  ],
});

export const connectorImport = operation({
  id: 'connector_import',
  method: 'POST',
  path: '/connectors/copy',
  chapter,
  tag: 'documented',
  summary: 'Create a connector from the JSON of another',
  access: 'integrator',
  scope: 'connectors:write',
  // The answer of connector_show, with or without its envelope; what is read of it stands in the contract.
  body: Type.Object({}, { additionalProperties: true }),
  looseBody: true,
  success: {
    envelope: 'single',
    status: 201,
    message: 'Connector created.',
    resource: 'connector',
    data: Connector,
  },
  refusals: [
    {
      status: 400,
      body: {
        message: messages.badRequest,
        errors: { 'secretRegistrations[0]': "Secret doesn't exist in the store." },
      },
    },
  ],
});

export const connectorListFromBin = operation({
  id: 'connector_list_from_bin',
  method: 'GET',
  path: '/connectors/bin',
  chapter,
  tag: 'documented',
  summary: 'List the connectors in the bin',
  access: 'signed-in',
  scope: 'connectors:read',
  query: { name: { kind: 'text', description: 'contains, in any case' }, owners },
  success: { envelope: 'list', resource: 'connector', data: Connector },
  refusals: [{ status: 400, body: { message: 'Invalid connector user identifier.', errors: [] } }],
});

export const connectorShow = operation({
  id: 'connector_show',
  method: 'GET',
  path: '/connectors/{publicId}',
  chapter,
  tag: 'documented',
  summary: 'Show a connector with all its versions',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'connector',
  success: { envelope: 'single', message: messages.list, resource: 'connector', data: Connector },
  refusals: [notFound],
});

export const connectorMoveToBin = operation({
  id: 'connector_move_to_bin',
  method: 'PATCH',
  path: '/connectors/{publicId}/move-to-bin',
  chapter,
  tag: 'documented',
  summary: 'Move a connector to the bin',
  access: 'write-403',
  scope: 'connectors:write',
  subject: 'connector',
  success: {
    envelope: 'single',
    message: 'Connector has been moved to bin.',
    resource: 'connector',
    data: Connector,
  },
  refusals: [
    { status: 400, body: { message: 'Connector is actively used on the platform.', errors: [] } },
    { status: 400, body: { message: messages.transition('building'), errors: [] } },
    notFound,
  ],
});

export const connectorRestoreFromBin = operation({
  id: 'connector_restore_from_bin',
  method: 'PATCH',
  path: '/connectors/{movedToBinPublicId}/restore-from-bin',
  chapter,
  tag: 'documented',
  summary: 'Take a connector out of the bin',
  access: 'write-403',
  scope: 'connectors:write',
  subject: 'binned-connector',
  success: {
    envelope: 'single',
    message: 'Connector has been restored from bin.',
    resource: 'connector',
    data: Connector,
  },
  refusals: [
    {
      status: 400,
      body: {
        message: messages.badRequest,
        errors: { connector: 'The organization has reached its limit of 10 connectors.' },
      },
    },
    notFound,
  ],
});

export const connectorUpdate = operation({
  id: 'connector_update',
  method: 'PATCH',
  path: '/connectors/{publicId}',
  chapter,
  tag: 'ours',
  summary: 'Change name, description and readme of a connector',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'connector',
  body: body({
    'connector-name': optional(requiredText()),
    'connector-description': optional(nullableText({ max: 2000 })),
    readme: optional(nullableText({ max: 65_536, verbatim: true })),
  }),
  success: { envelope: 'single', message: 'Connector updated.', resource: 'connector', data: Connector },
  refusals: [notFound],
});

export const connectorDelete = operation({
  id: 'connector_delete',
  method: 'DELETE',
  path: '/connectors/{publicId}',
  chapter,
  tag: 'ours',
  summary: 'Delete a connector in the bin for good',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'any-connector',
  success: { envelope: 'empty' },
  refusals: [{ status: 400, body: { message: 'Connector must be in the bin.', errors: [] } }, notFound],
});

export const connectorTransferOwnership = operation({
  id: 'connector_transfer_ownership',
  method: 'PUT',
  path: '/connectors/{publicId}/owner',
  chapter,
  tag: 'documented',
  summary: 'Give a connector to another owner',
  access: 'write-403',
  scope: 'connectors:write',
  subject: 'connector',
  body: body({ new_owner: uuid(), account: optional(nullablePositiveInteger()) }),
  success: { envelope: 'message', message: 'A new owner has been assigned.' },
  refusals: [
    'New owner was not found.',
    'You are not a member of this organization.',
    'Bucket is assigned to more than one Connector.',
    'The organization has reached its limit of 10 connectors.',
  ].map((text) => ({
    status: 400 as const,
    body: { message: messages.badRequest, errors: { new_owner: text } },
  })),
});
