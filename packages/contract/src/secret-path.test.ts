import { describe, expect, test } from 'vitest';
import { iniHeaderOf, secretPathPattern } from './secret-path.ts';

describe('secretPathPattern', () => {
  test.each(['a', '0', 'google/io/shopping', 'a-', 'a--b/c', 'a/b/c/d/e/f/g/h', 'x'.repeat(255)])(
    'accepts %j',
    (path) => expect(secretPathPattern.test(path)).toBe(true),
  );

  test.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '-a',
    'A',
    'a_b',
    'ä',
    'a b',
    'a\n',
    '../a',
    'a/b/c/d/e/f/g/h/i',
    'x'.repeat(256),
  ])('refuses %j', (path) => expect(secretPathPattern.test(path)).toBe(false));
});

test.each([
  ['google/io/shopping', 'google-io::shopping'],
  ['amazon/seller', 'amazon::seller'],
  ['single', 'single'],
])('the header made from %s is %s', (path, header) => expect(iniHeaderOf(path)).toBe(header));
