import { messages, type Operation, texts } from '@slipway/contract';
import { type Attempt, type Base, type Expected, either, fieldError, refused } from './attempt.ts';
import { brokenBodies, impossibleKeys, jsonOf, strangeKeys, wrongContentTypes } from './bad-values.ts';
import { blankText, fieldAttempts } from './field-attempts.ts';
import { bodyOf, fieldsOf, keyOf, type Node, withValue } from './schema-fields.ts';

const malformed: Expected = { kind: 'answer', status: 400, message: messages.malformedJson };

export function bodyAttempts(operation: Operation, base: Base): Attempt[] {
  if (operation.upload) return uploadAttempts();
  const root = bodyOf(operation) ?? { type: 'object', properties: {}, additionalProperties: false };
  return [
    ...wholeBodies(operation),
    ...unknownKeys(operation, root, base.body ?? {}),
    ...fieldsOf(root).flatMap((field) => fieldAttempts(field, root, base.body ?? {})),
  ];
}

const uploadAttempts = (): Attempt[] => [
  {
    field: 'body',
    value: 'JSON',
    headers: { 'content-type': 'application/json' },
    body: '{}',
    expected: { kind: 'answer', status: 415, message: messages.unsupportedMediaType },
  },
  {
    field: 'body',
    value: 'a form without boundary',
    headers: { 'content-type': 'multipart/form-data' },
    body: 'x',
    expected: refused,
  },
  {
    field: 'body',
    value: 'a form that is none',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: 'no form at all',
    expected: refused,
  },
  {
    field: 'body',
    value: 'half a form',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x\r\ncontent-disposition: form-data; name="logo"; filename="a"\r\n\r\n<svg',
    expected: refused,
  },
  {
    field: 'body',
    value: 'an empty file',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x\r\ncontent-disposition: form-data; name="logo"; filename="../../a"\r\n\r\n\r\n--x--\r\n',
    expected: refused,
  },
  {
    field: 'body',
    value: 'a broken header',
    headers: { 'content-type': 'multipart/form-data; boundary=x' },
    body: '--x\r\n\u0000\r\n\r\n<svg/>\r\n--x--\r\n',
    expected: refused,
  },
];

function wholeBodies(operation: Operation): Attempt[] {
  const type = { 'content-type': 'application/json' };
  const unsupported: Expected = { kind: 'answer', status: 415, message: messages.unsupportedMediaType };
  return [
    ...Object.entries(brokenBodies).map(([value, body]) => ({
      field: 'body',
      value,
      headers: type,
      body,
      expected: malformed,
    })),
    ...wrongContentTypes.map((sent) => ({
      field: 'header Content-Type',
      value: sent === '' ? 'none' : sent,
      headers: { 'content-type': sent },
      body: '{"a":1}',
      expected: unsupported,
    })),
    {
      field: 'body',
      value: 'too large',
      headers: type,
      body: ' '.repeat(tooLarge),
      expected: { kind: 'answer', status: 413, message: messages.tooLarge },
    },
    ...(operation.looseBody ? [] : [emptyBody(operation)]),
  ];
}

/** One byte more than the body limit of the server of these tests (1 MiB). */
const tooLarge = 1024 * 1024 + 1;

/** Every required field is missing; where none is, this is a request like any other. */
function emptyBody(operation: Operation): Attempt {
  const root = bodyOf(operation);
  const [name] = root?.required ?? [];
  const expected = name === undefined ? either : fieldError(name, blankText(root?.properties?.[name] ?? {}));
  return { field: 'body', value: '{}', body: '{}', expected };
}

/** At every object of the body: keys that it does not name. */
function unknownKeys(operation: Operation, root: Node, body: Record<string, unknown>): Attempt[] {
  const objects: { path: (string | number)[]; node: Node }[] = [
    { path: [], node: root },
    ...fieldsOf(root).map(({ path, node }) => ({ path: [...path], node })),
  ];
  return objects
    .filter(({ node }) => node.additionalProperties === false)
    .flatMap(({ path }) =>
      [...strangeKeys, ...impossibleKeys].map((name) => {
        const key = path.length === 0 ? name : `${keyOf(path)}.${name}`;
        return {
          field: `body ${keyOf([...path, '*'])}`,
          value: `the key ${JSON.stringify(name)}`,
          body: jsonOf(withValue(body, root, [...path, name], 1)),
          expected: operation.id === 'connector_import' ? either : fieldError(key, texts.unexpected),
        };
      }),
    );
}
