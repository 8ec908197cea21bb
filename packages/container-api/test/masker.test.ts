import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMasker } from '../src/index.ts';

const SECRET = 'Gr\u00fc\u00dfe/"q\\ +1\n';

/** What common libraries make of a value. */
function encodings(value: string): Record<string, string> {
  const base64 = (text: string, shift: number) =>
    Buffer.concat([Buffer.alloc(shift, 'ab'), Buffer.from(text)]).toString('base64');
  const url = encodeURIComponent(value);
  const form = new URLSearchParams({ v: value }).toString().slice(2);
  const json = JSON.stringify(value).slice(1, -1);
  const ascii = json.replaceAll(
    /[^\x20-\x7e]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
  const everything = [...Buffer.from(value)].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('');
  const found: Record<string, string> = {
    plain: value,
    'URL-encoded': url,
    'URL-encoded, lower case': url.replaceAll(/%../g, (code) => code.toLowerCase()),
    'every byte URL-encoded': everything,
    form,
    JSON: json,
    'JSON with escaped slashes': json.replaceAll('/', '\\/'),
    'JSON in ASCII': ascii,
    'JSON in ASCII, upper case': ascii.replaceAll(/\\u..../g, (code) => `\\u${code.slice(2).toUpperCase()}`),
  };
  for (const shift of [0, 1, 2]) {
    const standard = base64(`${value}`, shift);
    found[`base64, shifted by ${shift}`] = standard;
    found[`base64 without padding, shifted by ${shift}`] = standard.replaceAll('=', '');
    found[`base64url, shifted by ${shift}`] = standard
      .replaceAll('+', '-')
      .replaceAll('/', '_')
      .replaceAll('=', '');
  }
  return found;
}

describe.each(Object.entries(encodings(SECRET)))('%s', (_name, encoded) => {
  const masker = createMasker([SECRET]);
  const expected = (text: string) => text.replace(/^(?:[A-Za-z0-9+/_-]{0,2})(?=\*)/, '');

  test('is masked', () => {
    const masked = masker.mask(`before ${encoded} after`);
    expect(masked).toMatch(/^before [A-Za-z0-9]{0,2}\*\*\* after$/);
  });

  test('is masked when the text comes in two parts, cut anywhere', () => {
    for (let cut = 0; cut <= encoded.length; cut++) {
      const stream = masker.stream();
      const masked = stream.push(encoded.slice(0, cut)) + stream.push(encoded.slice(cut)) + stream.end();
      expect(expected(masked), `cut at ${cut}`).toBe('***');
    }
  });

  test('is masked when it comes character by character', () => {
    const stream = masker.stream();
    let masked = '';
    for (const unit of `x ${encoded} y`) masked += stream.push(unit);
    masked += stream.end();
    expect(masked).toMatch(/^x [A-Za-z0-9]{0,2}\*\*\* y$/);
  });
});

test('bits of neighbours in base64 do not hide a value', () => {
  const masker = createMasker(['sk_live_4242']);
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ maxLength: 5 }), (before, after) => {
      const text = Buffer.concat([before, Buffer.from('sk_live_4242'), after]).toString('base64');
      const masked = masker.mask(text);
      expect(masked).toContain('***');
      expect(Buffer.from(masked.split('***')[0]!, 'base64').length).toBeLessThanOrEqual(before.length);
    }),
  );
});

test('the longest value counts, and neighbours are found one by one', () => {
  const masker = createMasker(['pass', 'password', 'word1']);
  expect(masker.mask('my password1 pass passpass')).toBe('my ***1 *** ******');
});

test('short values are left alone, and later ones count from then on', () => {
  const masker = createMasker(['abc', '', '😀😀😀']);
  expect(masker.mask('abc 😀😀😀 token')).toBe('abc 😀😀😀 token');
  masker.add('token');
  expect(masker.mask('abc token')).toBe('abc ***');
});

test('a stream holds back only what may become a value', () => {
  const stream = createMasker(['secret']).stream();
  expect(stream.push('line 1\nsec')).toBe('line 1\n');
  expect(stream.push('ond\n')).toBe('second\n');
  expect(stream.push('secre')).toBe('');
  expect(stream.end()).toBe('secre');
});

test('contexts are masked in texts, keys and numbers at any depth', () => {
  const masker = createMasker(['secret', '12345678']);
  const value = { 'a secret': ['x', { deep: 'my secret' }], n: 12345678, ok: 5, no: null, __proto__x: true };
  expect(masker.maskJson(value)).toEqual({
    'a ***': ['x', { deep: 'my ***' }],
    n: '***',
    ok: 5,
    no: null,
    __proto__x: true,
  });
});

test('parts of any texts come out as the whole would', () => {
  const alphabet = fc.string({
    unit: fc.constantFrom('a', 'b', '%', '6', '1', '+', ' ', 'Y', 'W', 'I', '='),
    maxLength: 60,
  });
  fc.assert(
    fc.property(fc.array(alphabet, { maxLength: 6 }), (parts) => {
      const masker = createMasker(['abab', 'ab b', 'bbbbb']);
      const stream = masker.stream();
      const streamed = parts.map((part) => stream.push(part)).join('') + stream.end();
      expect(streamed).toBe(masker.mask(parts.join('')));
    }),
    { numRuns: 1000 },
  );
});
