import Type from 'typebox';
import { body, nullablePositiveInteger, nullableText, optional, requiredText } from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { Connector, ConnectorVersion } from '../representations/connector.ts';
import { messages, texts } from '../texts.ts';
import { versionRefusals } from './versions.ts';

const chapter = '5.2 Versions';
const V = '/connectors/{publicId}/versions/{connectorVersion}';

const faulty = (errors: Record<string, string>): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors },
});

const oneVersion = (message: string, status: 200 | 201 = 200) =>
  ({ envelope: 'single', status, message, resource: 'connector-version', data: ConnectorVersion }) as const;

const logoNotFound: Refusal = { status: 404, body: { message: 'Logo not found.' } };

export const connectorVersionList = operation({
  id: 'connector_version_list',
  method: 'GET',
  path: '/connectors/{publicId}/versions',
  chapter,
  tag: 'ours',
  summary: 'List the versions of a connector, highest first',
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'connector',
  success: { envelope: 'list', resource: 'connector-version', data: ConnectorVersion },
  refusals: [{ status: 404, body: { message: 'Connector not found.' } }],
});

export const connectorVersionCreate = operation({
  id: 'connector_version_create',
  method: 'POST',
  path: '/connectors/{publicId}/versions',
  chapter,
  tag: 'ours',
  summary: 'Copy the newest version into a new one',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'connector',
  success: oneVersion('Version created.', 201),
  refusals: [{ status: 404, body: { message: 'Connector not found.' } }],
});

export const connectorVersionUpdate = operation({
  id: 'connector_version_update',
  method: 'PATCH',
  path: V,
  chapter,
  tag: 'ours',
  summary: 'Change name, description and readme of a version',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  body: body({
    name: optional(requiredText()),
    description: optional(nullableText({ max: 2000 })),
    readme: optional(nullableText({ max: 65_536, verbatim: true })),
  }),
  success: oneVersion('Version updated.'),
  refusals: [faulty({ name: texts.blank }), ...versionRefusals],
});

export const connectorVersionDelete = operation({
  id: 'connector_version_delete',
  method: 'DELETE',
  path: V,
  chapter,
  tag: 'ours',
  summary: 'Delete a version for good',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  success: { envelope: 'empty' },
  refusals: [
    { status: 400, body: { message: 'A connector must keep one version.', errors: [] } },
    { status: 400, body: { message: 'Version is actively used on the platform.', errors: [] } },
    { status: 400, body: { message: messages.transition('building'), errors: [] } },
    ...versionRefusals,
  ],
});

export const connectorVersionDiff = operation({
  id: 'connector_version_diff',
  method: 'GET',
  path: `${V}/diff/{otherVersion}`,
  chapter,
  tag: 'ours',
  summary: 'Show what differs between two versions',
  access: 'read-404',
  scope: 'connectors:read',
  subject: 'version',
  success: {
    envelope: 'single',
    message: messages.list,
    resource: 'version-diff',
    data: Type.Array(Type.Object({ path: Type.String(), from: Type.Unknown(), to: Type.Unknown() })),
  },
  refusals: versionRefusals,
});

export const connectorUpdateMainVersion = operation({
  id: 'connector_update_main_version',
  method: 'PUT',
  path: '/connectors/{publicId}/main-version',
  chapter,
  tag: 'ours',
  summary: 'Choose the main version of a connector',
  access: 'write-404',
  scope: 'releases:write',
  subject: 'connector',
  body: body({ version: nullablePositiveInteger({ type: texts.positive }) }),
  success: { envelope: 'single', message: 'Main version updated.', resource: 'connector', data: Connector },
  refusals: [
    faulty({ version: 'Connector version not found.' }),
    faulty({ version: 'Version must be released or enabled in production.' }),
    { status: 404, body: { message: 'Connector not found.' } },
  ],
});

export const connectorVersionUploadLogo = operation({
  id: 'connector_version_upload_logo',
  method: 'POST',
  path: `${V}/logo`,
  chapter,
  tag: 'documented',
  summary: 'Upload the logo of a version',
  access: 'write-403',
  scope: 'connectors:write',
  subject: 'version',
  upload: { maxBytes: 256 * 1024 },
  success: oneVersion('Logo has been uploaded successfully.'),
  refusals: [
    faulty({ logo: texts.blank }),
    faulty({ logo: 'This file is too large. Allowed maximum size is 256 KiB.' }),
    faulty({ logo: 'This file is not a valid SVG image.' }),
    ...versionRefusals,
  ],
});

export const connectorVersionRemoveLogo = operation({
  id: 'connector_version_remove_logo',
  method: 'DELETE',
  path: `${V}/logo`,
  chapter,
  tag: 'ours',
  summary: 'Remove the logo of a version',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  success: oneVersion('Logo has been removed.'),
  refusals: [logoNotFound, ...versionRefusals],
});

export const logoShow = operation({
  id: 'logo_show',
  method: 'GET',
  path: '/files/connectors/{publicId}/{major}/logo.svg',
  chapter,
  tag: 'ours',
  summary: 'Show the logo of a version',
  access: 'public',
  scope: null,
  patterns: { major: /^[1-9]\d{0,8}$/ },
  malformedPath: 'Logo',
  success: { envelope: 'raw', contentType: 'image/svg+xml' },
  refusals: [logoNotFound],
});
