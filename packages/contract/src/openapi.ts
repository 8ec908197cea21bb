import { scopes } from './enums.ts';
import {
  answersOf,
  type Example,
  type Json,
  json,
  named,
  namedSchemas,
  plain,
  string,
} from './openapi-answers.ts';
import { introduction } from './openapi-introduction.ts';
import type { Access, Operation, QueryParameter } from './operation.ts';
import { checkParameters, listQuery, parameterNames } from './parameters.ts';
import { acceptsIdempotencyKey, carriesEtag, guardedAddress } from './safe-changes.ts';
import { texts } from './texts.ts';

/**
 * The OpenAPI 3.1 document of the given operations.
 *
 * @param publicUrl base address of the server, without a slash at the end
 * @param examples of any operations
 */
export function openApiDocument(
  operations: readonly Operation[],
  publicUrl: string,
  version: string,
  examples: readonly Example[] = [],
): Json {
  const paths: Record<string, Json> = {};
  for (const operation of operations) {
    paths[operation.path] ??= {};
    (paths[operation.path] as Json)[operation.method.toLowerCase()] = describe(
      operation,
      examples.filter((example) => example.operation === operation.id),
    );
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Slipway',
      version,
      description: introduction,
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: publicUrl }],
    tags: [...new Set(operations.map(({ chapter }) => chapter))]
      .sort(byNumber)
      .map((chapter) => ({ name: tagOf(chapter) })),
    paths,
    components: {
      schemas: namedSchemas(),
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

/** `5.2 Versions` stands before `5.10 States`. */
const byNumber = (one: string, other: string): number => one.localeCompare(other, 'en', { numeric: true });

/** Readers of the reference know the areas by their names; the numbers are those of the contract. */
const tagOf = (chapter: string): string => chapter.replace(/^[\d.]+ /, '');

/** Who gets past the check of access. */
const callers: Record<Access, string> = {
  public: 'Anybody; a token is ignored.',
  'signed-in': 'Whoever is signed in.',
  integrator: 'Integrators and admins.',
  'read-403': 'Whoever may see it; others get 403.',
  'read-404': 'Whoever may see it; for others it does not exist.',
  'write-403': 'Whoever may change it; others get 403.',
  'write-404': 'Whoever may change it; for those who may not even see it, it does not exist.',
  'account-admin': 'Admins, and those of the account.',
  admin: 'Admins.',
};

function describe(operation: Operation, examples: readonly Example[]): Json {
  return {
    operationId: operation.id,
    tags: [tagOf(operation.chapter)],
    summary: operation.summary,
    description: `Who may: ${callers[operation.access]}${operation.scope ? ` Scope: \`${operation.scope}\`.` : ''}`,
    ...(operation.access === 'public'
      ? { security: [] }
      : { security: [{ oAuth2AuthCode: operation.scope ? [operation.scope] : [] }] }),
    parameters: [...pathParameters(operation), ...queryParameters(operation), ...headerParameters(operation)],
    ...(operation.body
      ? { requestBody: { required: true, content: json(plain(operation.body), requestsOf(examples)) } }
      : {}),
    ...(operation.upload ? { requestBody: uploadBody } : {}),
    responses: answersOf(operation, examples),
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

/** The headers of safe changes (1.10). */
function headerParameters(operation: Operation): Json[] {
  const header = (name: string, description: string, schema: Json = string): Json => ({
    name,
    in: 'header',
    required: false,
    description,
    schema,
  });
  return [
    ...(carriesEtag(operation) && operation.method === 'GET'
      ? [header('If-None-Match', 'ETags that are held; 304 when one of them is still the current one')]
      : []),
    ...(guardedAddress(operation) === null
      ? []
      : [header('If-Match', 'ETag that was read; 412 when what is changed has another one by now')]),
    ...(acceptsIdempotencyKey(operation)
      ? [
          header('Idempotency-Key', 'the same request with the same key is answered once, for 24 hours', {
            type: 'string',
            pattern: '^[\\x21-\\x7e]{1,255}$',
          }),
        ]
      : []),
  ];
}

const requestsOf = (examples: readonly Example[]): Json =>
  named(
    examples
      .filter(({ status, request }) => status < 300 && request !== undefined)
      .map(({ name, request }) => [name, request]),
  );

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
