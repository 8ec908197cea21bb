import Type from 'typebox';
import { describe, expect, test } from 'vitest';
import {
  body,
  boolean,
  choice,
  integer,
  list,
  nullableText,
  number,
  optional,
  positiveIntegers,
  requiredText,
  text,
  uuid,
} from './fields.ts';
import { checkBody } from './validation.ts';

const errorsOf = (schema: Parameters<typeof checkBody>[0], value: unknown) => {
  const checked = checkBody(schema, value);
  return checked.ok ? {} : checked.errors;
};

describe('every text of chapter 1.6', () => {
  const one = (field: Parameters<typeof optional>[0]) => body({ field });
  test.each([
    ['blank: missing', one(requiredText()), {}, 'This value should not be blank.'],
    ['blank: null', one(requiredText()), { field: null }, 'This value should not be blank.'],
    ['blank: empty', one(requiredText()), { field: '' }, 'This value should not be blank.'],
    ['blank: white space', one(requiredText()), { field: ' \t' }, 'This value should not be blank.'],
    ['string', one(requiredText()), { field: 1 }, 'This value does not have valid string.'],
    ['integer', one(integer()), { field: 1.5 }, 'This value does not have valid integer.'],
    ['number', one(number()), { field: '1' }, 'This value does not have valid number.'],
    ['boolean', one(boolean()), { field: 'true' }, 'This value does not have valid boolean.'],
    ['array', one(list(text())), { field: 'a' }, 'This value does not have valid array.'],
    ['object', one(body({})), { field: [] }, 'This value does not have valid object.'],
    [
      'too long',
      one(requiredText({ max: 3 })),
      { field: 'abcd' },
      'This value is too long. It should have 3 characters or less.',
    ],
    ['choice', one(choice(['a'])), { field: 'b' }, 'The value you selected is not a valid choice.'],
    ['uuid', one(uuid()), { field: 'x' }, 'This is not a valid UUID.'],
    ['positive', one(integer({ minimum: 1 })), { field: 0 }, 'This value should be greater than 0.'],
    [
      'positive list',
      one(positiveIntegers()),
      { field: [1, 0, 'a'] },
      'All values must be integers greater than 0.',
    ],
    [
      'range',
      one(integer({ minimum: 1, maximum: 9 })),
      { field: 10 },
      'This value should be between 1 and 9.',
    ],
    ['pattern', one(requiredText({ pattern: /^a$/ })), { field: 'b' }, 'This value is not valid.'],
    ['control characters', one(requiredText()), { field: 'a\u0007' }, 'This value is not valid.'],
    ['half a character', one(requiredText()), { field: 'a\ud800' }, 'This value is not valid.'],
    ['NUL as sent', one(text({ verbatim: true })), { field: 'a\0' }, 'This value is not valid.'],
  ])('%s', (_name, schema, value, expected) => {
    expect(errorsOf(schema, value)).toEqual({ field: expected });
  });
});

test('unexpected keys are refused at every depth, items carry an index', () => {
  const schema = body({ a: body({ b: list(body({ c: text() })) }) });
  expect(errorsOf(schema, { a: { b: [{ c: '' }, { c: 1, d: 2 }], x: 1 }, y: 1 })).toEqual({
    'a.b[1].c': 'This value does not have valid string.',
    'a.b[1].d': 'This field was not expected.',
    'a.x': 'This field was not expected.',
    y: 'This field was not expected.',
  });
});

test('keys such as __proto__ and constructor are ordinary and unexpected', () => {
  expect(
    errorsOf(body({ a: optional(text()) }), JSON.parse('{"__proto__":{"a":1},"constructor":1}')),
  ).toEqual({
    ['__proto__' as string]: 'This field was not expected.',
    constructor: 'This field was not expected.',
  });
});

test('errors stand in the order of the fields', () => {
  const schema = body({ first: requiredText(), second: requiredText(), third: requiredText() });
  expect(Object.keys(errorsOf(schema, { third: '', more: 1, second: 2 }))).toEqual([
    'first',
    'second',
    'third',
    'more',
  ]);
});

test('texts are trimmed unless they are kept verbatim; the given object stays as it was', () => {
  const schema = body({ a: text(), b: nullableText({ verbatim: true }) });
  const given = { a: '  x ', b: ' y\u0007 ' };
  expect(checkBody(schema, given)).toEqual({ ok: true, value: { a: 'x', b: ' y\u0007 ' } });
  expect(given.a).toBe('  x ');
});

test('rules speak for fields that the schema accepts', () => {
  const schema = body({ a: requiredText(), b: requiredText() });
  const checked = checkBody(schema, { a: 'x', b: '' }, () => ({ a: 'Rule of a.', b: 'Rule of b.' }));
  expect(checked).toEqual({ ok: false, errors: { a: 'Rule of a.', b: 'This value should not be blank.' } });
});

test('lengths count characters, not units of UTF-16', () => {
  const schema = body({ a: requiredText({ max: 2 }) });
  expect(errorsOf(schema, { a: '👩👩' })).toEqual({});
  expect(errorsOf(schema, { a: '👩👩👩' })).not.toEqual({});
});

test('a body nested ten thousand levels deep is refused, not followed', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`);
  expect(errorsOf(body({ b: optional(Type.Unknown()) }), deep)).toEqual({
    a: 'This field was not expected.',
  });
});
