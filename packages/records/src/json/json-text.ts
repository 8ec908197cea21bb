import { isUtf8 } from 'node:buffer';
import { MalformedJsonError } from './json-scanner.ts';

const BACKSLASH = 0x5c;

/**
 * The characters of a string literal.
 *
 * @param literal valid JSON string with its quotes
 */
export function decodeString(literal: Buffer): string {
  if (literal.indexOf(BACKSLASH) === -1) return literal.toString('utf8', 1, literal.length - 1);
  return (JSON.parse(literal.toString('utf8')) as string).toWellFormed();
}

/**
 * Makes a buffer of text and one more byte, which is overwritten, fit for the scanner without copying it; a byte order mark is
 * left out.
 *
 * @throws {MalformedJsonError} when the text is no UTF-8
 */
export function prepareJson(bytes: Buffer): Buffer {
  const end = bytes.length - 1;
  bytes[end] = 0;
  if (!isUtf8(bytes)) throw new MalformedJsonError('The text is no UTF-8');
  const marked = end >= 3 && bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  return marked ? bytes.subarray(3) : bytes;
}
