import Type from 'typebox';
import {
  body,
  boolean,
  choice,
  list,
  nullableText,
  optional,
  positiveInteger,
  requiredText,
  text,
  uuid,
} from '../fields.ts';
import { imageReference } from '../image-reference.ts';
import { greatestInteger } from '../limits.ts';
import { operation, type Refusal } from '../operation.ts';
import { Channel, LegacyExecutable, legacyKinds } from '../representations/channel.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules, FieldErrors } from '../validation.ts';
import { configurationRefusals } from './versions.ts';

const chapter = '6.5 Channels and legacy executables';

const field = (key: string, message: string): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors: { [key]: message } },
});
const sentence = (message: string): Refusal => ({ status: 400, body: { message, errors: [] } });
const missing = (thing: string): Refusal => ({ status: 404, body: { message: `${thing} not found.` } });

const noPath = 'This value is not a valid path.';
const noImage = 'This value is not a valid image reference.';

const fileNames = ['plain', 'new', 'modified', 'deleted', 'unchanged', 'skipped'] as const;
const fileName = optional(nullableText());

const content = {
  name: requiredText(),
  fields: optional(
    list(
      body({
        name: requiredText(),
        aliases: optional(list(requiredText())),
        mandatory: optional(boolean()),
        unique: optional(boolean()),
        tracked: optional(boolean()),
        'delta-key': optional(boolean()),
        'delta-ignored': optional(boolean()),
        automap: optional(boolean()),
        description: optional(nullableText({ max: 2000 })),
        format: optional(nullableText()),
      }),
    ),
  ),
  'file-names': optional(
    body({
      plain: fileName,
      new: fileName,
      modified: fileName,
      deleted: fileName,
      unchanged: fileName,
      skipped: fileName,
    }),
  ),
  'single-file': optional(boolean()),
  classifications: optional(list(body({ id: requiredText(), path: requiredText({ max: 2000 }) }))),
};

/** Names are unique in their list, and files stay below the folder they are written to. */
const channelRules: BodyRules = (given) => ({
  ...repeated(given.fields, 'fields', 'name'),
  ...badPaths(given['file-names']),
  ...repeated(given.classifications, 'classifications', 'id'),
});

function repeated(items: unknown, list: string, key: string): FieldErrors {
  const errors: FieldErrors = {};
  const seen = new Set<string>();
  for (const [index, item] of (Array.isArray(items) ? items : []).entries()) {
    const value = (item as Record<string, unknown> | null)?.[key];
    if (typeof value !== 'string') continue;
    if (seen.has(value)) errors[`${list}[${index}].${key}`] = texts.used;
    seen.add(value);
  }
  return errors;
}

function badPaths(names: unknown): FieldErrors {
  if (typeof names !== 'object' || names === null) return {};
  const given = names as Record<string, unknown>;
  const bad = fileNames.filter((name) => typeof given[name] === 'string' && !isPath(given[name] as string));
  return Object.fromEntries(bad.map((name) => [`file-names.${name}`, noPath]));
}

/** Relative, with neither empty parts nor a way up. */
const isPath = (path: string): boolean =>
  path === '' || (!path.includes('\\') && path.split('/').every((part) => !['', '.', '..'].includes(part)));

const channelRefusals = [
  field('name', texts.blank),
  field('fields[1].name', texts.used),
  field('fields', 'A delta channel needs exactly one unique field as delta key.'),
  field('file-names.plain', noPath),
  field('classifications[1].id', texts.used),
];

export const platformChannelList = operation({
  id: 'platform_channel_list',
  method: 'GET',
  path: '/platform/channels',
  chapter,
  tag: 'ours',
  summary: 'List channels',
  access: 'signed-in',
  scope: 'platform:read',
  query: { name: { kind: 'text', description: 'contains, in any case' }, delta: { kind: 'boolean' } },
  success: { envelope: 'list', resource: 'channel', data: Channel },
  refusals: [field('delta', texts.boolean)],
});

export const platformChannelCreate = operation({
  id: 'platform_channel_create',
  method: 'POST',
  path: '/platform/channels',
  chapter,
  tag: 'ours',
  summary: 'Create a channel',
  access: 'integrator',
  scope: 'platform:write',
  body: body({
    name: content.name,
    owner: optional(uuid()),
    delta: optional(boolean()),
    fields: content.fields,
    'file-names': content['file-names'],
    'single-file': content['single-file'],
    classifications: content.classifications,
  }),
  rules: channelRules,
  success: {
    envelope: 'single',
    status: 201,
    message: 'Channel created.',
    resource: 'channel',
    data: Channel,
  },
  refusals: [...channelRefusals, field('owner', 'You are not a member of this organization.')],
});

export const platformChannelShow = operation({
  id: 'platform_channel_show',
  method: 'GET',
  path: '/platform/channels/{channelId}',
  chapter,
  tag: 'ours',
  summary: 'Show a channel',
  access: 'signed-in',
  scope: 'platform:read',
  subject: 'channel',
  success: { envelope: 'single', message: messages.list, resource: 'channel', data: Channel },
  refusals: [missing('Channel')],
});

export const platformChannelUpdate = operation({
  id: 'platform_channel_update',
  method: 'PUT',
  path: '/platform/channels/{channelId}',
  chapter,
  tag: 'ours',
  summary: 'Change a channel',
  access: 'write-403',
  scope: 'platform:write',
  subject: 'channel',
  body: body(content),
  rules: channelRules,
  success: { envelope: 'single', message: 'Channel updated.', resource: 'channel', data: Channel },
  refusals: [...channelRefusals, missing('Channel')],
});

export const platformChannelDelete = operation({
  id: 'platform_channel_delete',
  method: 'DELETE',
  path: '/platform/channels/{channelId}',
  chapter,
  tag: 'ours',
  summary: 'Delete a channel',
  access: 'write-403',
  scope: 'platform:write',
  subject: 'channel',
  success: { envelope: 'empty' },
  refusals: [sentence('Channel is in use.'), missing('Channel')],
});

export const platformLegacyExecutableList = operation({
  id: 'platform_legacy_executable_list',
  method: 'GET',
  path: '/platform/legacy-executables',
  chapter,
  tag: 'ours',
  summary: 'List legacy executables',
  access: 'signed-in',
  scope: 'platform:read',
  query: {
    name: { kind: 'text', description: 'contains, in any case' },
    kind: { kind: 'choice', values: legacyKinds },
  },
  success: { envelope: 'list', resource: 'legacy-executable', data: LegacyExecutable },
  refusals: [field('kind', texts.choice)],
});

export const platformLegacyExecutableCreate = operation({
  id: 'platform_legacy_executable_create',
  method: 'POST',
  path: '/platform/legacy-executables',
  chapter,
  tag: 'ours',
  summary: 'Register a legacy executable',
  access: 'admin',
  scope: 'admin',
  body: body({
    id: optional(positiveInteger()),
    name: requiredText(),
    kind: choice(legacyKinds),
    image: requiredText({ pattern: imageReference, texts: { pattern: noImage } }),
    command: text({ max: 4000, min: 1 }),
  }),
  success: {
    envelope: 'single',
    status: 201,
    message: 'Legacy executable created.',
    resource: 'legacy-executable',
    data: LegacyExecutable,
  },
  refusals: [field('name', texts.blank), field('id', texts.used), field('image', noImage)],
});

export const platformLegacyExecutableDelete = operation({
  id: 'platform_legacy_executable_delete',
  method: 'DELETE',
  path: '/platform/legacy-executables/{legacyExecutableId}',
  chapter,
  tag: 'ours',
  summary: 'Remove a legacy executable',
  access: 'admin',
  scope: 'admin',
  success: { envelope: 'empty' },
  refusals: [sentence('Legacy executable is in use.'), missing('Legacy executable')],
});

const noList = texts.type('array');

export const connectorPlatformAssignChannel = operation({
  id: 'connector_platform_assign_channel',
  method: 'PUT',
  path: '/connectors/{publicId}/versions/{connectorVersion}/channels',
  chapter: '5.5 Type-specific configuration',
  tag: 'documented',
  summary: 'Choose the channels an export is for',
  access: 'write-403',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: body({
    channels: Type.Unsafe<number[]>({
      type: 'array',
      maxItems: 1000,
      items: { type: 'integer', minimum: 1, maximum: greatestInteger },
      'x-texts': { item: texts.positiveList, blank: noList },
    }),
  }),
  success: { envelope: 'message', message: 'Successfully assigned channel.' },
  refusals: [
    field('channels', noList),
    field('channels', texts.positiveList),
    field('channels', "Channels don't exist: 98,99"),
    field('channels', 'You can not assign delta channels to export Connector: 98,99'),
    field('channels', 'You can not assign non-delta channels to export-delta Connector: 1,2'),
    field('connector', messages.wrongType('datasource')),
    ...configurationRefusals,
  ],
});
