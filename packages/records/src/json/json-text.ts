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
  bytes[bytes.length - 1] = 0;
  checkUtf8(bytes);
  return bytes.subarray(skipByteOrderMark(bytes, 0));
}

/** @throws {MalformedJsonError} when the text is no UTF-8 */
export function checkUtf8(bytes: Uint8Array): void {
  if (!isUtf8(bytes)) throw new MalformedJsonError('The text is no UTF-8');
}

/** Where text begins that may have a byte order mark at `start`. Another byte stands behind the text. */
export function skipByteOrderMark(bytes: Uint8Array, start: number): number {
  const marked = bytes[start] === 0xef && bytes[start + 1] === 0xbb && bytes[start + 2] === 0xbf;
  return marked ? start + 3 : start;
}
