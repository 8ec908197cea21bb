import { channelOwners, confidences } from '../enums.ts';
import { body, choice, nullableChoice, nullableText, optional, uuid } from '../fields.ts';
import { isHttpUrl } from '../http-url.ts';
import { operation, type Refusal } from '../operation.ts';
import { ConnectorMetadata } from '../representations/connector-metadata.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules } from '../validation.ts';

const chapter = '5.12 Management';
const path = '/metadata/connectors/{connectorUuid}';

const faulty = (errors: Record<string, string>): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors },
});

const quoted = (values: readonly string[]): string => values.map((value) => `"${value}"`).join(', ');
const invalidOwner = `Invalid channel owner provided. Valid options are: ${quoted(channelOwners)}.`;
const invalidConfidence = `Invalid confidence provided. Valid options are: ${quoted(confidences)}.`;

const MetadataBody = body({
  'channel-owner': choice(channelOwners, { texts: { any: invalidOwner } }),
  confidence: optional(nullableChoice(confidences, { texts: { any: invalidConfidence } })),
  'help-center': optional(nullableText({ max: 2000 })),
  'internal-documentation': optional(nullableText({ max: 2000 })),
  notes: optional(nullableText({ max: 10_000 })),
});

const urlRules: BodyRules = (given) =>
  Object.fromEntries(
    ['help-center', 'internal-documentation'].flatMap((key) => {
      const value = given[key];
      return typeof value === 'string' && !isHttpUrl(value) ? [[key, texts.url]] : [];
    }),
  );

const connectorNotFound: Refusal = { status: 404, body: { message: 'Connector not found.' } };
const nothingSaved: Refusal = { status: 404, body: { message: 'Connector does not have metadata saved.' } };
const refusals = [
  faulty({ 'channel-owner': invalidOwner }),
  faulty({ confidence: invalidConfidence }),
  connectorNotFound,
];

const one = (message: string, status: 200 | 201 = 200) =>
  ({ envelope: 'single', status, message, resource: 'connector-metadata', data: ConnectorMetadata }) as const;

export const addMetadataToConnector = operation({
  id: 'add_metadata_to_connector',
  method: 'POST',
  path,
  chapter,
  tag: 'documented',
  summary: 'Add metadata to a connector',
  access: 'admin',
  scope: 'admin',
  subject: 'connector',
  body: MetadataBody,
  rules: urlRules,
  success: one('Successfully added metadata for connector.', 201),
  refusals: [...refusals, { status: 400, body: { message: 'Connector already has metadata.', errors: [] } }],
});

export const updateMetadataForConnector = operation({
  id: 'update_metadata_for_connector',
  method: 'PUT',
  path,
  chapter,
  tag: 'documented',
  summary: 'Replace the metadata of a connector',
  access: 'admin',
  scope: 'admin',
  subject: 'connector',
  body: MetadataBody,
  rules: urlRules,
  success: one('Successfully updated metadata for connector.'),
  refusals: [...refusals, nothingSaved],
});

export const showMetadataForConnector = operation({
  id: 'show_metadata_for_connector',
  method: 'GET',
  path,
  chapter,
  tag: 'documented',
  summary: 'Show the metadata of a connector',
  access: 'admin',
  scope: 'admin',
  subject: 'connector',
  success: one('Successfully found connector metadata.'),
  refusals: [connectorNotFound, nothingSaved],
});

export const handover = operation({
  id: 'handover',
  method: 'POST',
  path: '/handover',
  chapter,
  tag: 'documented',
  summary: 'Hand everything of one user over to another',
  access: 'admin',
  scope: 'admin',
  body: body({ from: uuid(), to: uuid() }),
  success: { envelope: 'message', message: 'All resources have been transferred to the new user.' },
  refusals: [faulty({ from: 'User not found.' }), faulty({ to: 'The two users must differ.' })],
});
