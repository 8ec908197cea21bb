import type { TSchema } from 'typebox';
import { scopes } from './enums.ts';
import type { Operation, QueryParameter } from './operation.ts';
import { checkParameters, listQuery, parameterNames } from './parameters.ts';
import { messages, texts } from './texts.ts';

type Json = Record<string, unknown>;

/**
 * The OpenAPI 3.1 document of the given operations.
 *
 * @param publicUrl base address of the server, without a slash at the end
 */
export function openApiDocument(operations: readonly Operation[], publicUrl: string, version: string): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    (paths[operation.path] as Json)[operation.method.toLowerCase()] = describe(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Slipway',
      version,
      description:
        'Build connectors from git repositories, try them on a dev site, release them to production.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(operations.map((operation) => operation.chapter))].map((name) => ({ name })),
    paths,
    components: {
      securitySchemes: {
        oAuth2AuthCode: {
          type: 'oauth2',
          flows: {
            authorizationCode: {
              authorizationUrl: `${publicUrl}/oauth/auth`,
              tokenUrl: `${publicUrl}/oauth/token`,
              scopes: Object.fromEntries(scopes.map((scope) => [scope, `may use ${scope}`])),
            },
          },
        },
      },
    },
  };
}

function describe(operation: Operation): Json {
  return {
    operationId: operation.id,
    tags: [operation.chapter],
    summary: operation.summary,
    ...(operation.access === 'public'
      ? { security: [] }
      : { security: [{ oAuth2AuthCode: operation.scope ? [operation.scope] : [] }] }),
    parameters: [...pathParameters(operation), ...queryParameters(operation)],
    ...(operation.body ? { requestBody: { required: true, content: json(plain(operation.body)) } } : {}),
    ...(operation.upload ? { requestBody: uploadBody } : {}),
    responses: responses(operation),
  };
}

/** The first file part counts, whatever its name. */
const uploadBody = {
  required: true,
  content: {
    'multipart/form-data': {
      schema: { type: 'object', properties: { logo: { type: 'string', format: 'binary' } } },
    },
  },
};

function pathParameters(operation: Operation): Json[] {
  return parameterNames(operation.path).map((name) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', ...pathFormat(name, operation.patterns?.[name]) },
  }));
}

/** What the checks of 1.8 refuse tells what kind of value a parameter is. */
function pathFormat(name: string, own: RegExp | undefined): Json {
  if (own) return { pattern: own.source };
  const text = Object.values(checkParameters({ [name]: '?' }).errors)[0];
  if (text === texts.uuid) return { format: 'uuid' };
  if (text === texts.type('integer')) return { pattern: '^[1-9]\\d*$' };
  return text === texts.invalid ? { pattern: '^(main|latest|\\d+)$' } : {};
}

function queryParameters(operation: Operation): Json[] {
  const all = { ...operation.query, ...(operation.success.envelope === 'list' ? listQuery : {}) };
  return Object.entries(all).map(([name, parameter]) => ({
    name,
    in: 'query',
    required: false,
    ...('description' in parameter && parameter.description ? { description: parameter.description } : {}),
    schema: querySchema(parameter),
  }));
}

function querySchema(parameter: QueryParameter): Json {
  switch (parameter.kind) {
    case 'choice':
      return { type: 'string', enum: parameter.values };
    case 'choices':
      return { type: 'array', items: { type: 'string', enum: parameter.values } };
    case 'uuid':
      return { type: 'string', format: 'uuid' };
    case 'uuids':
      return { type: 'array', items: { type: 'string', format: 'uuid' } };
    case 'boolean':
      return { type: 'boolean' };
    case 'integer':
      return { type: 'integer' };
    case 'time':
      return { type: 'string', format: 'date-time' };
    case 'pattern':
      return { type: 'string', pattern: parameter.pattern?.source };
    case 'text':
      return { type: 'string' };
  }
}

const json = (schema: unknown, example?: unknown): Json => ({
  'application/json': { schema, ...(example === undefined ? {} : { example }) },
});

const object = (properties: Json): Json => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});

const string = { type: 'string' };
const only = (value: string): Json => ({ type: 'string', const: value });

function responses(operation: Operation): Json {
  const result: Record<string, Json> = { ...success(operation) };
  const errors = new Map<number, { examples: unknown[]; description: string }>();
  const add = (status: number, example: unknown, description: string): void => {
    const entry = errors.get(status) ?? { examples: [], description };
    entry.examples.push(example);
    errors.set(status, entry);
  };
  for (const refusal of operation.refusals ?? []) add(refusal.status, refusal.body, 'Refused');
  if (operation.access !== 'public') {
    add(401, { message: messages.unauthorized }, 'No, wrong or expired token');
    add(403, { message: messages.denied }, 'Role, scope or ownership forbids it');
  }
  for (const [status, { examples, description }] of errors) {
    result[String(status)] = {
      description,
      content: {
        'application/json': {
          schema: errorSchema,
          examples: Object.fromEntries(examples.map((value, index) => [`refusal-${index + 1}`, { value }])),
        },
      },
    };
  }
  return result;
}

const errorSchema = {
  type: 'object',
  required: ['message'],
  properties: {
    message: string,
    errors: {
      oneOf: [
        { type: 'object', additionalProperties: string },
        { type: 'array', maxItems: 0 },
      ],
    },
  },
};

function success({ success }: Operation): Record<string, Json> {
  switch (success.envelope) {
    case 'single':
      return answer(
        success.status ?? 200,
        success.message,
        object({
          message: only(success.message),
          resource: only(success.resource),
          data: plain(success.data),
        }),
      );
    case 'list':
      return answer(
        200,
        messages.list,
        object({
          data: { type: 'array', items: plain(success.data) },
          metadata: object({
            from: { type: 'integer' },
            limit: { type: 'integer' },
            count: { type: 'integer' },
            total: { type: 'integer' },
            next: { type: ['string', 'null'] },
          }),
          message: only(messages.list),
          resource: only(success.resource),
        }),
        success.streams,
      );
    case 'message':
      return answer(success.status ?? 200, success.message, object({ message: string }));
    case 'bare':
      return answer(
        success.status ?? 200,
        success.message,
        object({ message: string, data: plain(success.data) }),
      );
    case 'background':
      return answer(
        202,
        success.message,
        object({
          message: only(success.message),
          data: object({ state: object({ uuid: { type: 'string', format: 'uuid' } }) }),
        }),
      );
    case 'empty':
      return { '204': { description: 'Done, nothing to say' } };
    case 'raw':
      return { '200': { description: 'Success', content: { [success.contentType]: {} } } };
  }
}

function answer(
  status: number,
  description: string,
  schema: Json,
  streams: readonly string[] = [],
): Record<string, Json> {
  const others = Object.fromEntries(streams.map((type) => [type, { schema: string }]));
  return { [status]: { description, content: { ...json(schema), ...others } } };
}

/** A schema without what only our own checks read. */
function plain(schema: TSchema): unknown {
  return JSON.parse(JSON.stringify(schema), (key, value) =>
    key === 'x-texts' || key === 'x-verbatim' ? undefined : value,
  );
}
