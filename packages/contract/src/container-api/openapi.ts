import type { TSchema } from 'typebox';
import { type Json, json, plain, string } from '../openapi-answers.ts';
import type { Endpoint } from './endpoint.ts';
import { containerApiEndpoints } from './endpoints.ts';

const errorSchema = { $ref: '#/components/schemas/Error' };
const ndjson = 'application/x-ndjson';

/**
 * The OpenAPI 3.1 document of the sidecar (container-api.md).
 *
 * @param version of the Container API
 */
export function containerApiDocument(version: string): Json {
  const paths: Record<string, Json> = {};
  for (const endpoint of containerApiEndpoints) {
    paths[endpoint.path] ??= {};
    (paths[endpoint.path] as Json)[endpoint.method.toLowerCase()] = describe(endpoint);
  }
  const groups = [...new Set(containerApiEndpoints.map(({ group }) => group))];
  return {
    openapi: '3.1.0',
    info: {
      title: 'Slipway Container API',
      version,
      description:
        'The HTTP server beside every connector while it runs: rows in, rows out, logs, files, checkpoints.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: 'http://cde-container-api' }],
    security: [],
    tags: groups.map((name) => ({ name })),
    paths,
    components: {
      schemas: {
        Error: {
          type: 'object',
          required: ['message'],
          properties: { message: string, errors: { type: 'object', additionalProperties: string } },
        },
      },
    },
  };
}

function describe(endpoint: Endpoint): Json {
  const parameters = [
    ...(endpoint.parameters ?? []).map(({ schema, in: place, ...rest }) => ({
      ...rest,
      in: place,
      required: place === 'path',
      schema: plain(schema),
    })),
    ...(endpoint.idempotent ? [idempotencyKey] : []),
  ];
  return {
    operationId: endpoint.id,
    tags: [endpoint.group],
    summary: endpoint.summary,
    ...(endpoint.description ? { description: endpoint.description } : {}),
    ...(endpoint.deprecated ? { deprecated: true } : {}),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(endpoint.body ? { requestBody: requestBody(endpoint.body, endpoint) } : {}),
    responses: answers(endpoint),
  };
}

const idempotencyKey = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A repeated call with the same key answers as the first one and changes nothing',
  schema: { type: 'string', minLength: 1, maxLength: 200 },
};

const requestBody = (body: TSchema, { ndjsonBody }: Endpoint): Json => ({
  required: true,
  content: {
    ...json(plain(body)),
    ...(ndjsonBody ? { [ndjson]: { schema: { type: 'string', description: 'One row a line' } } } : {}),
  },
});

function answers({ success, errors = {} }: Endpoint): Json {
  const result: Json = { [success.status]: succeeded(success) };
  if (success.orNothing) result['204'] = { description: 'Nothing more to read' };
  for (const [status, description] of Object.entries(errors)) {
    result[status] = { description, content: json(errorSchema) };
  }
  // Errors that any endpoint may answer, such as a body that is no JSON.
  result.default = { description: 'Any other error', content: json(errorSchema) };
  return result;
}

function succeeded({ status, message, data, ndjson: rows, etag }: Endpoint['success']): Json {
  const headers = etag
    ? { headers: { ETag: { description: 'Version of the checkpoint', schema: string } } }
    : {};
  if (rows) return { description: 'One row a line', content: { [ndjson]: { schema: plain(rows) } } };
  if (status === 204) return { description: 'Done, nothing to say' };
  const properties: Json = {
    message: { type: 'string', const: message },
    ...(data ? { data: plain(data) } : {}),
  };
  return {
    description: message || 'Success',
    ...headers,
    content: json({ type: 'object', required: Object.keys(properties), properties }),
  };
}
