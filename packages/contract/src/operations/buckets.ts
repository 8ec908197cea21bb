import { bucketEnvironments } from '../enums.ts';
import { body, choice, optional, requiredText, uuid } from '../fields.ts';
import { operation, type Refusal } from '../operation.ts';
import { Bucket, BucketFile } from '../representations/bucket.ts';
import { messages, texts } from '../texts.ts';
import { configurationRefusals } from './versions.ts';

const chapter = '5.7 Buckets';
const V = '/connectors/{publicId}/versions/{connectorVersion}';

const faulty = (errors: Record<string, string>): Refusal => ({
  status: 400,
  body: { message: messages.badRequest, errors },
});
const notFound: Refusal = { status: 404, body: { message: 'Bucket not found.' } };

const invalidType = 'Invalid type. Valid choices are {`free`}.';
const invalidEnvironment = 'Invalid environment. Valid choices are {`dev`, `prod`}.';

export const connectorBucketCreateLink = operation({
  id: 'connector_bucket_create_link',
  method: 'POST',
  path: `${V}/buckets`,
  chapter,
  tag: 'documented',
  summary: 'Link a bucket to a version',
  access: 'write-403',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  body: body({
    'bucket-id': uuid(),
    type: choice(['free'], { texts: { type: invalidType, choice: invalidType } }),
    environment: choice(bucketEnvironments, {
      texts: { type: invalidEnvironment, choice: invalidEnvironment },
    }),
  }),
  success: { envelope: 'message', status: 201, message: 'Bucket has been added.' },
  refusals: [
    faulty({ environment: invalidEnvironment }),
    faulty({ environment: 'A bucket is already linked for this environment.' }),
    notFound,
    ...configurationRefusals,
  ],
});

export const connectorBucketRemoveLink = operation({
  id: 'connector_bucket_remove_link',
  method: 'DELETE',
  path: `${V}/buckets/{bucketId}/{environment}`,
  chapter,
  tag: 'ours',
  summary: 'Unlink a bucket from a version',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'version',
  configuration: true,
  patterns: { environment: /^(?:dev|prod)$/ },
  patternTexts: { environment: invalidEnvironment },
  success: { envelope: 'message', message: 'Bucket has been removed.' },
  refusals: [faulty({ environment: invalidEnvironment }), notFound, ...configurationRefusals],
});

export const bucketList = operation({
  id: 'bucket_list',
  method: 'GET',
  path: '/buckets',
  chapter,
  tag: 'ours',
  summary: 'List buckets',
  access: 'integrator',
  scope: 'connectors:read',
  query: { name: { kind: 'text', description: 'contains, in any case' } },
  success: { envelope: 'list', resource: 'bucket', data: Bucket },
});

export const bucketCreate = operation({
  id: 'bucket_create',
  method: 'POST',
  path: '/buckets',
  chapter,
  tag: 'ours',
  summary: 'Create a bucket',
  access: 'integrator',
  scope: 'connectors:write',
  body: body({
    name: requiredText({
      max: 100,
      pattern: /^[A-Za-z0-9][A-Za-z0-9 _-]*$/,
      texts: { pattern: 'Bucket name can contain only letters, numbers, dash, underscore and spaces.' },
    }),
    owner: optional(uuid({ texts: { any: texts.uuid } })),
  }),
  success: { envelope: 'single', status: 201, message: 'Bucket created.', resource: 'bucket', data: Bucket },
  refusals: [
    faulty({ name: 'Bucket name can contain only letters, numbers, dash, underscore and spaces.' }),
    faulty({ name: texts.used }),
    faulty({ owner: 'You are not a member of this organization.' }),
  ],
});

export const bucketShow = operation({
  id: 'bucket_show',
  method: 'GET',
  path: '/buckets/{bucketId}',
  chapter,
  tag: 'ours',
  summary: 'Show a bucket',
  access: 'write-404',
  scope: 'connectors:read',
  subject: 'bucket',
  success: { envelope: 'single', message: messages.list, resource: 'bucket', data: Bucket },
  refusals: [notFound],
});

export const bucketFileList = operation({
  id: 'bucket_file_list',
  method: 'GET',
  path: '/buckets/{bucketId}/files',
  chapter,
  tag: 'ours',
  summary: 'List the files of a bucket by path',
  access: 'write-404',
  scope: 'connectors:read',
  subject: 'bucket',
  query: { prefix: { kind: 'text', description: 'path starts with' } },
  success: { envelope: 'list', resource: 'bucket-file', data: BucketFile },
  refusals: [notFound],
});

export const bucketDelete = operation({
  id: 'bucket_delete',
  method: 'DELETE',
  path: '/buckets/{bucketId}',
  chapter,
  tag: 'ours',
  summary: 'Delete a bucket with its files',
  access: 'write-404',
  scope: 'connectors:write',
  subject: 'bucket',
  success: { envelope: 'empty' },
  refusals: [{ status: 400, body: { message: 'Bucket is linked to a connector.', errors: [] } }, notFound],
});
