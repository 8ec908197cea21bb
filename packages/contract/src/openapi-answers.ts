import type { TSchema } from 'typebox';
import type { Operation } from './operation.ts';
import * as representations from './representations/index.ts';
import { acceptsIdempotencyKey, carriesEtag, guardedAddress } from './safe-changes.ts';
import { messages } from './texts.ts';

export type Json = Record<string, unknown>;

/** A request and its answer, as examples in the document. */
export interface Example {
  name: string;
  operation: string;
  status: number;
  request?: unknown;
  response: unknown;
}

/** Examples by name. */
export const named = (values: readonly (readonly [string, unknown])[]): Json =>
  Object.fromEntries(values.map(([name, value]) => [name, { value }]));

export const json = (schema: unknown, examples: Json = {}): Json => ({
  'application/json': { schema, ...(Object.keys(examples).length === 0 ? {} : { examples }) },
});

const object = (properties: Json): Json => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});

export const string = { type: 'string' };
const only = (value: string): Json => ({ type: 'string', const: value });

/** What an operation answers: its success with examples, and every refusal that it declares or has an example of. */
export function answersOf(operation: Operation, given: readonly Example[]): Json {
  const result: Record<string, Json> = { ...success(operation) };
  addExamples(result, given);
  if (carriesEtag(operation)) {
    const etag = { description: 'Strong validator of what the answer carries', schema: string };
    for (const answer of Object.values(result)) answer.headers = { ETag: etag };
    if (operation.method === 'GET') result['304'] = { description: 'What is held is still the current one' };
  }
  for (const [status, { description, bodies }] of refusalsOf(operation, given)) {
    result[String(status)] = {
      description,
      content: json(reference('Refusal'), named(bodies)),
    };
  }
  return result;
}

function addExamples(answers: Record<string, Json>, given: readonly Example[]): void {
  for (const [status, answer] of Object.entries(answers)) {
    const content = (answer.content as Record<string, Json> | undefined)?.['application/json'];
    const examples = given.filter((example) => example.status === Number(status));
    if (content && examples.length > 0) {
      content.examples = named(examples.map(({ name, response }) => [name, response]));
    }
  }
}

interface Refused {
  description: string;
  bodies: [string, unknown][];
}

/** Every refusal an operation declares or has an example of, each body once. */
function refusalsOf(operation: Operation, given: readonly Example[]): Map<number, Refused> {
  const found = new Map<number, Refused>();
  const add = (status: number, body: unknown, name?: string): void => {
    const { bodies } = found.get(status) ?? { bodies: [] as [string, unknown][] };
    const text = JSON.stringify(body);
    if (bodies.every(([, known]) => JSON.stringify(known) !== text)) {
      bodies.push([name ?? `refusal-${bodies.length + 1}`, body]);
    }
    found.set(status, { description: meanings[status] ?? 'Refused', bodies });
  };
  for (const { status, name, response } of given) if (status >= 400) add(status, response, name);
  for (const { status, body } of operation.refusals ?? []) add(status, body);
  if (operation.access !== 'public') {
    add(401, { message: messages.unauthorized });
    add(403, { message: messages.denied });
    add(429, { message: messages.tooManyRequests });
  }
  if (acceptsIdempotencyKey(operation)) {
    add(409, { message: messages.keyUsed, errors: [] });
    add(409, { message: messages.keyInProgress, errors: [] });
  }
  if (guardedAddress(operation) !== null) add(412, { message: messages.changed, errors: [] });
  return new Map([...found].sort(([one], [other]) => one - other));
}

const meanings: Record<number, string> = {
  400: 'The request is not valid, or what it asks is not possible now',
  401: 'No, wrong or expired token',
  403: 'Role, scope or ownership forbids it',
  404: 'There is no such thing, or not for the caller',
  409: 'Something else is in the way',
  412: 'It has changed since it was read',
  429: 'Too many requests; Retry-After says when to come again',
};

const refusalSchema = {
  type: 'object',
  required: ['message'],
  properties: {
    message: string,
    errors: {
      oneOf: [
        { type: 'object', additionalProperties: string, description: 'what is wrong with which field' },
        { type: 'array', items: string, maxItems: 0, description: 'empty: no field is to blame' },
      ],
    },
  },
};

const pageSchema = object({
  from: { type: 'integer' },
  limit: { type: 'integer' },
  count: { type: 'integer' },
  total: { type: 'integer' },
  next: { type: ['string', 'null'], description: 'relative address of the next page; null on the last one' },
});

const reference = (name: string): Json => ({ $ref: `#/components/schemas/${name}` });

/** Representations by themselves: wherever one stands in a schema, the document refers to its name. */
const namesOf = new Map<unknown, string>(
  Object.entries(representations as Record<string, unknown>)
    // Beside them stand the lists of words that their texts can be.
    .filter(([, value]) => !Array.isArray(value))
    .map(([name, schema]) => [schema, name]),
);

/** What answers refer to, by name. */
export const namedSchemas = (): Json => ({
  ...Object.fromEntries([...namesOf].map(([schema, name]) => [name, plain({ ...(schema as TSchema) })])),
  Page: pageSchema,
  Refusal: refusalSchema,
});

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
          metadata: reference('Page'),
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
    case 'file':
      return {
        '200': {
          description: 'The file',
          headers: { 'Content-Disposition': { description: 'Names the file', schema: string } },
          content: { 'application/octet-stream': { schema: { type: 'string', format: 'binary' } } },
        },
      };
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

/** A schema without what only our own checks read, with references to what has a name. */
export function plain(schema: TSchema): unknown {
  const text = JSON.stringify(schema, (key, value) => {
    if (key === 'x-texts' || key === 'x-verbatim') return undefined;
    const name = namesOf.get(value);
    return name === undefined ? value : reference(name);
  });
  return JSON.parse(text);
}
