import Type from 'typebox';
import { fieldTypes, vcsAuthorizations } from '../enums.ts';
import {
  body,
  boolean,
  choice,
  list,
  nullableInteger,
  nullableText,
  optional,
  requiredText,
  text,
} from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { ConnectorVersion, IndividualConfig, VcsConfig } from '../representations/connector.ts';
import { messages, texts } from '../texts.ts';
import type { BodyRules } from '../validation.ts';
import { splitWords, WordsError } from '../words.ts';

const V = '/connectors/{publicId}/versions/{connectorVersion}';

/** What every operation below a version can answer (1.8, chapter 4). */
export const versionRefusals: readonly Refusal[] = [
  { status: 404, body: { message: 'Connector not found.' } },
  { status: 404, body: { message: 'Connector version not found.' } },
];

export const configurationRefusals: readonly Refusal[] = [
  { status: 400, body: { message: messages.transition('building'), errors: [] } },
  { status: 400, body: { message: messages.inProduction, errors: [] } },
  ...versionRefusals,
];

const frozen: Refusal = {
  status: 400,
  body: { message: 'Individual configurations are frozen while the connector migrates.', errors: [] },
};

/** Texts that are split into words must be whole: quotes closed, no backslash at the end. */
export const wordRules =
  (...keys: string[]): BodyRules =>
  (body) => {
    const broken = keys.flatMap((key) => {
      const value = body[key];
      if (typeof value !== 'string') return [];
      try {
        splitWords(value);
        return [];
      } catch (error) {
        if (error instanceof WordsError) return [[key, error.message] as const];
        throw error;
      }
    });
    return Object.fromEntries(broken);
  };

const setter = (message: string) => ({ envelope: 'message', message }) as const;

export const connectorVersionShow = operation({
  id: 'connector_version_show',
  method: 'GET',
  path: V,
  chapter: '5.2 Versions',
  tag: 'ours',
  summary: 'Show one version',
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'version',
  success: {
    envelope: 'single',
    message: messages.list,
    resource: 'connector-version',
    data: ConnectorVersion,
  },
  refusals: versionRefusals,
});

export const connectorVersionShowAuthentication = operation({
  id: 'connector_version_show_authentication',
  method: 'GET',
  path: `${V}/authentication-registrations`,
  chapter: '5.2 Versions',
  tag: 'documented',
  summary: 'Show the authentications a version registers',
  access: 'read-403',
  scope: 'connectors:read',
  subject: 'version',
  success: {
    envelope: 'single',
    message: messages.list,
    resource: 'authentication-registrations',
    data: Type.Array(
      Type.Object({
        id: Type.Integer(),
        fields: Type.Array(Type.String()),
        'additional-fields': Type.Array(Type.String()),
      }),
    ),
  },
  refusals: versionRefusals,
});

export const connectorShowVcsConfig = operation({
  id: 'connector_show_vcs_config',
  method: 'GET',
  path: `${V}/vcs-configs`,
  chapter: '5.3 Application',
  tag: 'ours',
  summary: 'Show the repository of a version',
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'version',
  success: {
    envelope: 'single',
    message: messages.list,
    resource: 'vcs-configs',
    data: Type.Union([VcsConfig, Type.Null()]),
  },
  refusals: versionRefusals,
});

export const connectorUpdateVcsConfig = operation({
  id: 'connector_update_vcs_config',
  method: 'PUT',
  path: `${V}/vcs-configs`,
  chapter: '5.3 Application',
  tag: 'ours',
  summary: 'Set the repository of a version',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: body({
    authorization: choice(vcsAuthorizations),
    url: requiredText({ max: 2000 }),
    branch: optional(text({ default: 'main' })),
    username: optional(nullableText()),
    token: optional(nullableText({ max: 4000, verbatim: true })),
    directory: optional(nullableText({ max: 1024 })),
  }),
  // Whether a token must be sent depends on the one that is stored.
  looseBody: true,
  success: setter('VCS config successfully updated.'),
  refusals: configurationRefusals,
});

export const connectorRenewDeployKey = operation({
  id: 'connector_renew_deploy_key',
  method: 'POST',
  path: `${V}/vcs-configs/deploy-key`,
  chapter: '5.3 Application',
  tag: 'ours',
  summary: 'Replace the deploy key of a version',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  success: { envelope: 'single', message: 'Deploy key created.', resource: 'vcs-configs', data: VcsConfig },
  refusals: [
    {
      status: 400,
      body: {
        message: messages.badRequest,
        errors: { authorization: 'The repository is not accessed with a deploy key.' },
      },
    },
    ...versionRefusals,
  ],
});

export const connectorValidateVcsConfig = operation({
  id: 'connector_validate_vcs_config',
  method: 'GET',
  path: `${V}/vcs-configs/validate`,
  chapter: '5.3 Application',
  tag: 'documented',
  summary: 'Try the repository of a version',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  success: setter('VCS config is valid.'),
  refusals: [
    {
      status: 400,
      body: { message: 'VCS config is not valid.', errors: { vcs: 'Branch main was not found.' } },
    },
    ...versionRefusals,
  ],
});

export const connectorUpdateApplicationConfig = operation({
  id: 'connector_update_application_config',
  method: 'PUT',
  path: `${V}/application-configs`,
  chapter: '5.3 Application',
  tag: 'ours',
  summary: 'Set the command line of a version',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: body({
    command: requiredText(),
    arguments: optional(nullableText({ max: 4000 })),
    'health-check': optional(nullableText({ max: 4000 })),
  }),
  rules: wordRules('command', 'arguments', 'health-check'),
  success: setter('Application config successfully updated.'),
  refusals: configurationRefusals,
});

export const connectorUpdateSecretRegistrations = operation({
  id: 'connector_update_secret_registrations',
  method: 'PUT',
  path: `${V}/secret-registrations`,
  chapter: '5.3 Application',
  tag: 'documented',
  summary: 'Set the secrets a version receives',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: body({
    'secret-registrations': list(text(), {
      texts: { blank: texts.type('array'), item: texts.type('array') },
    }),
  }),
  success: setter('Secret registrations successfully updated.'),
  refusals: configurationRefusals,
});

export const connectorUpdateAuthenticationRegistrations = operation({
  id: 'connector_update_authentication_registrations',
  method: 'PUT',
  path: `${V}/authentication-registrations`,
  chapter: '5.3 Application',
  tag: 'documented',
  summary: 'Set the authentications a version asks its end users for',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: body({
    // What is no integer is named in the text of the rule, so the items are checked by the verb.
    'authentication-registrations': list(Type.Unknown(), { texts: { blank: texts.type('array') } }),
    'authentication-registrations-additional-fields': optional(
      list(text({ pattern: /^[A-Za-z][A-Za-z0-9_-]*$/, texts: { any: texts.invalid } })),
    ),
  }),
  success: setter('Authentication registration successfully updated.'),
  refusals: configurationRefusals,
});

export const connectorIndividualConfigList = operation({
  id: 'connector_individual_config_list',
  method: 'GET',
  path: `${V}/individual-configs`,
  chapter: '5.4 Individual configurations',
  tag: 'ours',
  summary: 'List the form fields of a version',
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'version',
  success: {
    envelope: 'single',
    message: messages.list,
    resource: 'individual-configs',
    data: Type.Array(IndividualConfig),
  },
  refusals: versionRefusals,
});

/** The form field as it is sent; shared by adding, updating and importing. */
const individualFields = {
  'field-type': choice(fieldTypes),
  'field-name': requiredText(),
  'field-required': optional(boolean()),
  'field-placeholder': optional(nullableText()),
  'field-description': optional(nullableText({ max: 2000 })),
  'field-default-value': optional(nullableText({ max: 10_000, verbatim: true })),
  'field-config': optional(nullableText({ max: 65_536 })),
  order: optional(nullableInteger({ minimum: 1, maximum: 2_147_483_647, texts: { range: texts.positive } })),
};

const commandOption = requiredText({
  max: 64,
  pattern: /^[A-Za-z][A-Za-z0-9_-]*$/,
  texts: {
    pattern: 'This value should start with a letter and may contain letters, digits, dashes and underscores.',
  },
});

export const IndividualConfigBody = body({ 'command-option': commandOption, ...individualFields });
export const IndividualConfigChange = body({
  'command-option': optional(commandOption),
  ...individualFields,
});
/** What may be changed of the row the server makes for authentications (3.3.4). */
export const AuthenticationFieldChange = body({
  'field-name': text(),
  'field-required': individualFields['field-required'],
  'field-placeholder': individualFields['field-placeholder'],
  'field-description': individualFields['field-description'],
  order: individualFields.order,
});

export const connectorIndividualConfigAdd = operation({
  id: 'connector_individual_config_add',
  method: 'POST',
  path: `${V}/individual-configs`,
  chapter: '5.4 Individual configurations',
  tag: 'documented',
  summary: 'Add a form field',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: IndividualConfigBody,
  // Whether a name is free depends on the version's other fields.
  looseBody: true,
  success: { envelope: 'message', status: 201, message: 'Individual configuration added.' },
  refusals: [frozen, ...configurationRefusals],
});

const individualNotFound: Refusal = { status: 404, body: { message: 'Individual configuration not found.' } };

export const connectorIndividualConfigUpdate = operation({
  id: 'connector_individual_config_update',
  method: 'PUT',
  path: `${V}/individual-configs/{commandOption}`,
  chapter: '5.4 Individual configurations',
  tag: 'ours',
  summary: 'Change a form field',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  // Which keys are taken depends on the row, so the verb checks the body against one of the two forms.
  body: IndividualConfigChange,
  looseBody: true,
  success: setter('Individual configuration updated.'),
  refusals: [frozen, individualNotFound, ...configurationRefusals],
});

export const connectorIndividualConfigRemove = operation({
  id: 'connector_individual_config_remove',
  method: 'DELETE',
  path: `${V}/individual-configs/{commandOption}`,
  chapter: '5.4 Individual configurations',
  tag: 'ours',
  summary: 'Remove a form field',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  success: setter('Individual configuration removed.'),
  refusals: [
    { status: 400, body: { message: 'This individual configuration is made by the server.', errors: [] } },
    frozen,
    individualNotFound,
    ...configurationRefusals,
  ],
});

export const connectorIndividualConfigReorder = operation({
  id: 'connector_individual_config_reorder',
  method: 'PUT',
  path: `${V}/individual-configs/order`,
  chapter: '5.4 Individual configurations',
  tag: 'ours',
  summary: 'Put the form fields in order',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: body({ order: list(text(), { max: 101, texts: { item: texts.type('array') } }) }),
  success: setter('Individual configurations reordered.'),
  refusals: [
    {
      status: 400,
      body: {
        message: messages.badRequest,
        errors: { order: 'This value should list every command option exactly once.' },
      },
    },
    frozen,
    ...configurationRefusals,
  ],
});
