import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ColumnRegister, MalformedJsonError, RowLinesReader, WriteRequestReader } from '../src/index.ts';
import { flattenSlowly, parsePrinted } from './reference-flattening.ts';

interface FlatteningExample {
  readonly name: string;
  readonly in: unknown;
  readonly in_text?: string;
  readonly separator: string;
  readonly out: Readonly<Record<string, string>>;
  readonly columns: readonly string[];
}

const EXAMPLES = resolve(import.meta.dirname, '../../contract/examples/flattening.json');

function read(
  body: string | Buffer,
  separator = '-',
  columns = new ColumnRegister(),
  step = Number.POSITIVE_INFINITY,
) {
  const reader = new WriteRequestReader(Buffer.concat([Buffer.from(body as string), Buffer.alloc(1)]), {
    columns,
    separator,
  });
  while (!reader.step(step));
  return reader.call;
}

/** Lines as lists of column and text: a parsed object would put names that look like integers first. */
function pairs(line: string): [string, string][] {
  const found = [...line.matchAll(/("(?:[^"\\]|\\.)*"):("(?:[^"\\]|\\.)*")/g)];
  return found.map((match) => [JSON.parse(match[1]!) as string, JSON.parse(match[2]!) as string]);
}

function lines(call: ReturnType<typeof read>): [string, string][][] {
  const text = call.flattener.lines.view().toString('utf8');
  for (const line of text.split('\n').slice(0, -1)) JSON.parse(line);
  return text.split('\n').slice(0, -1).map(pairs);
}

describe('golden flattening pairs', () => {
  const examples = JSON.parse(readFileSync(EXAMPLES, 'utf8')) as FlatteningExample[];
  test.for(examples)('$name', (example) => {
    const row = example.in_text ?? JSON.stringify(example.in);
    const call = read(`{"data":[${row}]}`, example.separator);
    const expected = example.columns.map((column) => [column, example.out[column]]);
    expect(lines(call)).toEqual([expected]);
    expect(call.flattener.newColumns.map(({ name }) => name)).toEqual(example.columns);
  });
});

/** JSON texts of values, with spellings that parsing would lose. */
const keys = fc.constantFrom(
  'a',
  'b',
  'a-b',
  '10',
  '2',
  '__proto__',
  'ä',
  '\\u0061',
  '\\/',
  'x\\ud800',
  'n n',
);
const leaf = fc.oneof(
  fc.constantFrom(
    '1',
    '-0',
    '9.90',
    '1E5',
    '0.1000',
    '12345678901234567890',
    'true',
    'false',
    'null',
    '{}',
    '[]',
    '"\\ud83d\\ude00"',
    '"\\udc00x"',
  ),
  fc.string({ unit: 'grapheme' }).map((text) => JSON.stringify(text)),
);
const { value: anyValue } = fc.letrec<{ value: string; object: string }>((tie) => ({
  object: fc
    .array(fc.tuple(keys, tie('value')), { maxLength: 5 })
    .map((fields) => `{${fields.map(([key, value]) => `"${key}":${value}`).join(',')}}`),
  value: fc.oneof(
    { depthSize: 'small' },
    leaf,
    tie('object'),
    fc.array(tie('value'), { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
  ),
}));
const rowText = fc
  .array(fc.tuple(keys, anyValue), { maxLength: 6 })
  .map((fields) => `{ ${fields.map(([key, value]) => `"${key}" :\t${value}`).join(' ,\n')} }`);

test('flattens like the plain reference, whatever the rows look like', () => {
  fc.assert(
    fc.property(
      fc.array(rowText, { minLength: 1, maxLength: 8 }),
      fc.constantFrom('-', '', '→'),
      (rows, separator) => {
        const call = read(`{"data":[${rows.join(',')}]}`, separator);
        const expected = rows.map((row) => flattenSlowly(parsePrinted(row), separator));
        fc.pre(expected.every((row) => !row.has('')));
        expect(lines(call)).toEqual(expected.map((row) => [...row]));
        const union = [...new Set(expected.flatMap((row) => [...row.keys()]))];
        expect(call.flattener.newColumns.map(({ name }) => name)).toEqual(union);
      },
    ),
    { numRuns: 1500 },
  );
});

test('takes exactly the texts that JSON.parse takes', () => {
  const noise = fc.tuple(
    fc.nat(),
    fc.constantFrom(
      '',
      '"',
      '\\',
      ',',
      '0',
      '.',
      'e',
      '-',
      '{',
      '}',
      '[',
      ']',
      ' ',
      '\u0001',
      't',
      ':',
      'u12',
    ),
  );
  fc.assert(
    fc.property(rowText, fc.array(noise, { maxLength: 3 }), (row, changes) => {
      let body = `{"data":[${row}]}`;
      for (const [where, what] of changes) {
        const at = where % body.length;
        body = body.slice(0, at) + what + body.slice(at + 1);
      }
      const valid = canParse(body);
      let accepted = true;
      try {
        read(body);
      } catch (error) {
        if (!(error instanceof MalformedJsonError)) throw error;
        accepted = false;
      }
      expect(accepted, body).toBe(valid);
    }),
    { numRuns: 3000 },
  );
});

function canParse(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

test.for([
  ['"\\u12"'],
  ['01'],
  ['1.'],
  ['.5'],
  ['+1'],
  ['1e'],
  ['NaN'],
  ['Infinity'],
  ['nul'],
  ["'a'"],
  ['[1,]'],
  ['{"a":1,}'],
  ['"\n"'],
  ['/**/1'],
  ['"\\x41"'],
  ['tru'],
])('refuses %s', ([value]) => {
  expect(() => read(`{"data":[{"a":${value}}]}`)).toThrow(MalformedJsonError);
});

test('refuses what is no UTF-8 and skips a byte order mark', () => {
  expect(() => read(Buffer.from('7b22a9223a317d', 'hex'))).toThrow(MalformedJsonError);
  expect(lines(read('\ufeff{"data":[{"a":1}]}'))).toEqual([[['a', '1']]]);
});

test('a body may have 512 levels and a row 64', () => {
  const deep = (levels: number) => `${'['.repeat(levels)}1${']'.repeat(levels)}`;
  expect(read(`{"x":${deep(511)},"data":[{"a":1}]}`).flattener.rows).toBe(1);
  expect(() => read(`{"x":${deep(512)}}`)).toThrow(MalformedJsonError);
  expect(read(`{"data":[{"a":${deep(63)}},{"a":${deep(64)}}]}`).wrongRows).toEqual(
    new Map([[1, 'too-deep']]),
  );
  expect(() => read(`{"data":[{"a":${deep(510)}}]}`)).toThrow(MalformedJsonError);
});

test('the last data and the last meta count, wherever they stand', () => {
  const row = '{"a":{"b":1}}';
  expect(lines(read(`{"data":[${row}],"meta":{"separator":"."}}`))).toEqual([[['a.b', '1']]]);
  expect(
    lines(read(`{"data":[{"x":1},{"x":2}],"data":[${row}],"meta":{"separator":"/"},"meta":{}}`)),
  ).toEqual([[['a-b', '1']]]);
  expect(read(`{"data":[${row}],"data":5}`).hasRows).toBe(false);
  expect(read(`{"data":[${row}],"meta":{"separator":7}}`).metaProblem).toBe('separator-not-text');
});

test('reads the same in steps of any size', () => {
  const rows = Array.from({ length: 50 }, (_, index) => `{"id":${index},"t":["x",{"y":${index % 7}}]}`);
  const body = `{"data":[${rows.join(' , ')}],"meta":{"separator":"_"}}`;
  for (const step of [1, 7, 100])
    expect(lines(read(body, '-', new ColumnRegister(), step))).toEqual(lines(read(body)));
});

test('of several problems of a row the first of the contract is told, and of a call the first twenty', () => {
  const long = 'n'.repeat(1001);
  const emoji = '😀'.repeat(1000);
  const call = read(`{"data":[{"${long}":1,"":2},{"${emoji}":1},{"${emoji}x":1},5,"t",[1],[]]}`);
  expect([...call.wrongRows]).toEqual([
    [0, 'empty-name'],
    [2, 'long-name'],
    [3, 'not-an-object'],
    [4, 'not-an-object'],
    [5, 'not-an-object'],
  ]);
  expect(read(`{"data":[${'1,'.repeat(30)}1]}`).wrongRows.size).toBe(20);
});

test('stops taking columns at the limit', () => {
  const wide = (count: number) =>
    `{${Array.from({ length: count }, (_, index) => `"c${index}":1`).join(',')}}`;
  expect(read(`{"data":[${wide(20_000)}]}`).flattener.tooManyColumns).toBe(false);
  expect(read(`{"data":[${wide(20_001)}]}`).flattener.tooManyColumns).toBe(true);
});

test('a list of a million values under one key does not become a million columns', () => {
  const call = read(`{"data":[{"a":[${'1,'.repeat(1_000_000)}1]}]}`);
  expect(call.flattener.tooManyColumns).toBe(true);
  expect(call.flattener.newColumns).toHaveLength(20_000);
});

test('lines are read like rows, and the first that is no JSON ends the check', () => {
  const columns = new ColumnRegister();
  const reader = new RowLinesReader({ columns, separator: '.' });
  for (const block of ['{"a":{"b":1}}\r\n\r\n', '  \n[]\n7\n', '{"a":\n8}\n'])
    reader.lines(Buffer.from(block));
  expect(reader.call.malformedRow).toBe(3);
  expect([...reader.call.wrongRows]).toEqual([[2, 'not-an-object']]);
});

test('a line that is no UTF-8 is named, also among others; a byte order mark is left out', () => {
  const columns = new ColumnRegister();
  const reader = new RowLinesReader({ columns, separator: '.' });
  reader.lines(Buffer.from('\ufeff{"a":1}\n'));
  reader.lines(
    Buffer.concat([Buffer.from('{"a":2}\n{"a":"'), Buffer.of(0xff), Buffer.from('"}\n{"a":4}\n')]),
  );
  expect(reader.call.malformedRow).toBe(2);
});

/** As programs write rows: without blanks, one like the other, now and then one that is not. */
const denseRow = fc.record(
  {
    a: fc.oneof(leaf, anyValue),
    b: leaf,
    'n n': fc.string({ unit: 'binary', minLength: 0, maxLength: 90 }).map((text) => JSON.stringify(text)),
    ä: fc.constantFrom('"x\\ud800"', '"a\\/b\\u0041"', '-0.5e+7', 'true', ' null', '"" '),
    10: leaf,
  },
  { requiredKeys: ['b'] },
);

test('rows that look like the ones before are flattened like any others, in lists and in lines', () => {
  fc.assert(
    fc.property(fc.array(denseRow, { minLength: 2, maxLength: 30 }), fc.boolean(), (records, again) => {
      const rows = records.map(
        (fields) =>
          `{${Object.entries(fields)
            .map(([key, value]) => `"${key}":${value}`)
            .join(',')}${again ? ',"b":"again"' : ''}}`,
      );
      const expected = rows.map((row) => [...flattenSlowly(parsePrinted(row), '-')]);
      const columns = new ColumnRegister();
      const first = read(`{"data":[${rows.join(',')}]}`, '-', columns);
      expect(lines(first)).toEqual(expected);
      columns.add(first.flattener.newColumns.map(({ name }) => name));
      expect(lines(read(`{"data":[${rows.join(',')}]}`, '-', columns))).toEqual(expected);
      const reader = new RowLinesReader({ columns, separator: '-' });
      for (const row of rows) reader.lines(Buffer.from(`${row}\n`));
      expect(lines(reader.call)).toEqual(expected);
    }),
    { numRuns: 500 },
  );
});
