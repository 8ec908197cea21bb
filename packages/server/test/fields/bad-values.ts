/** Values that no schema speaks of by itself; `raw` ones are written into the JSON text as they are. */
export interface BadValue {
  label: string;
  value: unknown;
}

/** Stands in a body for text that JSON.stringify would not write. */
const rawTexts: Record<string, string> = {
  '@@1e400@@': '1e400',
  '@@2^53+1@@': '9007199254740993',
  '@@deep@@': `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  '@@deep object@@': `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
};

/** The body as JSON text. */
export const jsonOf = (body: unknown): string =>
  JSON.stringify(body).replace(/"(@@[^@]+@@)"/g, (whole, name: string) => rawTexts[name] ?? whole);

export const deepValues: readonly (BadValue & { type: string })[] = [
  { label: 'nested 20,000 deep', type: 'array', value: '@@deep@@' },
  { label: 'objects 20,000 deep', type: 'object', value: '@@deep object@@' },
];

/** One or two of every JSON type. */
export const valuesOfTypes: Readonly<Record<string, readonly BadValue[]>> = {
  string: [{ label: 'a text', value: 'text' }],
  integer: [{ label: '12', value: 12 }],
  number: [{ label: '1.5', value: 1.5 }],
  boolean: [
    { label: 'true', value: true },
    { label: 'false', value: false },
  ],
  array: [
    { label: '[]', value: [] },
    { label: 'a list', value: [1, 'x', null] },
  ],
  object: [
    { label: '{}', value: {} },
    { label: 'an object', value: { a: { b: 1 } } },
  ],
};

/** PostgreSQL has neither of these in its texts, so no field may. */
export const impossibleTexts: readonly BadValue[] = [
  { label: 'NUL', value: 'a\u0000b' },
  { label: 'a lone surrogate', value: 'a\ud800b' },
  { label: 'surrogates in the wrong order', value: '\udc00\ud800' },
];

export const controlTexts: readonly BadValue[] = [
  { label: 'a bell', value: 'a\u0007b' },
  { label: 'an escape', value: 'a\u001b[31mb' },
];

/** Texts that have broken programs before; most fields may well take them. */
export const strangeTexts: readonly BadValue[] = [
  { label: 'an emoji', value: '👩‍👩‍👧‍👦🏳️‍🌈' },
  { label: 'right to left', value: '\u202eاختبار\u202c' },
  { label: 'combining marks', value: `e${'\u0301'.repeat(60)}` },
  { label: 'a byte order mark', value: '\ufefftext' },
  { label: 'the last character of Unicode', value: '\u{10ffff}' },
  { label: 'a proto', value: '__proto__' },
  { label: 'a constructor', value: 'constructor' },
  { label: 'a method of objects', value: 'toString' },
  { label: 'SQL', value: `'; DROP TABLE users; --` },
  { label: 'SQL wildcards', value: '%_\\' },
  { label: 'a shell command', value: '$(touch /tmp/x); `id` | cat' },
  { label: 'a path', value: '../../../../etc/passwd' },
  { label: 'a Windows path', value: 'C:\\..\\x' },
  { label: 'markup', value: '<script>alert(1)</script>' },
  { label: 'an option', value: '--upload-pack=x' },
  { label: 'a format', value: '%s%n {{7*7}} #{7*7}' },
  { label: 'braces', value: '{}' },
];

export const strangeNumbers: readonly BadValue[] = [
  { label: '1e308', value: 1e308 },
  { label: '1e400', value: '@@1e400@@' },
  { label: '2^53+1', value: '@@2^53+1@@' },
  { label: '2^31', value: 2 ** 31 },
  { label: '-1', value: -1 },
  { label: '0', value: 0 },
  { label: '-0.0000001', value: -1e-7 },
];

/** Names of keys that are no key of any body. */
export const strangeKeys: readonly string[] = [
  'no-such-field',
  '__proto__',
  'constructor',
  'toString',
  'hasOwnProperty',
  'a.b[0]',
  '',
];

/** For maps, whose keys are the client's; no column can hold the first two. */
export const impossibleKeys: readonly string[] = ['a\u0000b', 'a\ud800b'];

/** Path values as they are sent: percent-encoded already. */
export const pathValues: Readonly<Record<string, string>> = {
  'a word': 'nothing',
  'a proto': '__proto__',
  'a constructor': 'constructor',
  zero: '0',
  negative: '-1',
  '1e3': '1e3',
  '2^31': '2147483648',
  'far too great': '9'.repeat(40),
  'a fraction': '1.5',
  SQL: encodeURIComponent(`' OR 1=1 --`),
  'an emoji': encodeURIComponent('😀'),
  NUL: '%00',
  'a new line': 'a%0Ab',
  'a path': encodeURIComponent('../../etc/passwd'),
  'a broken escape': '%ZZ',
  'half an escape': '%',
  'no UTF-8': '%FF%FE',
  'a surrogate': '%ED%A0%80',
  long: 'x'.repeat(900),
  'far too long': 'x'.repeat(5000),
};

/** Query values, encoded. */
export const queryValues: Readonly<Record<string, string>> = {
  ...pathValues,
  empty: '',
  'a list': '1,2,3',
  brackets: '%5B%5D',
  'a byte order mark': '%EF%BB%BF',
};

/** Bodies that are no JSON object. */
export const brokenBodies: Readonly<Record<string, string | Buffer>> = {
  'half an object': '{',
  'a word': 'nope',
  'a list': '[]',
  'a text': '"x"',
  'a number': '1',
  null: 'null',
  'a trailing comma': '{"a":1,}',
  'two objects': '{}{}',
  'single quotes': "{'a':1}",
  NaN: '{"a":NaN}',
  'a raw NUL': '{"a":"\u0000"}',
  'no UTF-8': Buffer.from('7b2261223a22ff227d', 'hex'),
  'half a character': Buffer.from('7b2261223a22e282227d', 'hex'),
  'UTF-16': Buffer.from('\ufeff{}', 'utf16le'),
  'brackets, 100,000 deep': '['.repeat(100_000),
};

export const wrongContentTypes: readonly string[] = [
  'text/plain',
  'application/xml',
  'application/x-www-form-urlencoded',
  'application/jsonp',
  'nonsense',
  '',
];
