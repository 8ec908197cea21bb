import { expect, test } from 'vitest';
import { isHttpsUrl, isHttpUrl } from './http-url.ts';

test.each([
  'http://example.com',
  'https://example.com/a?b=c#d',
  'HTTPS://EXAMPLE.com:8443/',
  'http://[::1]/',
])('%s is an address', (text) => expect(isHttpUrl(text)).toBe(true));

test.each([
  '',
  'example.com',
  '//example.com',
  'ftp://example.com',
  'javascript:alert(1)',
  'http://',
  'http:///path',
  'http:\\\\example.com',
  'https://user:password@example.com',
  'https://exa mple.com',
  'https://example.com/a b',
  'http://[::1',
])('%j is none', (text) => expect(isHttpUrl(text)).toBe(false));

test('https is told from http', () => {
  expect(isHttpsUrl('https://example.com')).toBe(true);
  expect(isHttpsUrl('http://example.com')).toBe(false);
});
