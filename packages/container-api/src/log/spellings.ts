import type { Piece, Spelling } from './pattern-automaton.ts';

/** Short escapes of JSON strings. */
const JSON_SHORT: Readonly<Record<string, string>> = {
  '"': '\\"',
  '\\': '\\\\',
  '/': '\\/',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * The characters of a value, each as itself, JSON-escaped or URL-encoded: libraries differ in which characters they
 * escape, so every mixture counts.
 */
export function textPieces(value: string): Piece[] {
  return [...value.toWellFormed()].map((character) => {
    const spellings: Spelling[] = [[...units(character)], jsonEscape(character), percentEncoding(character)];
    const short = JSON_SHORT[character];
    if (short) spellings.push([...short]);
    if (character === ' ') spellings.push(['+']);
    return spellings;
  });
}

/**
 * What base64 makes of a value that stands behind `shift` other bytes (0 to 2, modulo 3) and before others, or at the
 * end. The first and the last character may hold bits of the neighbours: any that fits counts.
 */
export function base64Pieces(value: string, shift: 0 | 1 | 2): Piece[] {
  const bytes = Buffer.from(value, 'utf8');
  const firstBit = shift * 8;
  const lastBit = firstBit + bytes.length * 8;
  const pieces: Piece[] = [];
  for (let index = Math.floor(firstBit / 6); index * 6 < lastBit; index++) {
    let fitting = '';
    for (let code = 0; code < 64; code++) {
      if (fits(code, index * 6, bytes, firstBit, lastBit)) fitting += base64Characters(code);
    }
    pieces.push([[fitting]]);
  }
  return pieces;
}

/** Whether the six bits of `code`, at bit `at`, agree with those bits of the value that lie under them. */
function fits(code: number, at: number, bytes: Uint8Array, firstBit: number, lastBit: number): boolean {
  for (let bit = 0; bit < 6; bit++) {
    const position = at + bit;
    if (position < firstBit || position >= lastBit) continue;
    const inValue = position - firstBit;
    const expected = (bytes[inValue >> 3]! >> (7 - (inValue & 7))) & 1;
    if (((code >> (5 - bit)) & 1) !== expected) return false;
  }
  return true;
}

/** A base64 character in the standard and in the URL-safe alphabet. */
function base64Characters(code: number): string {
  if (code === 62) return '+-';
  if (code === 63) return '/_';
  return BASE64[code]!;
}

function* units(character: string): Generator<string> {
  for (let index = 0; index < character.length; index++) yield character[index]!;
}

function jsonEscape(character: string): Spelling {
  return [...units(character)].flatMap((unit) => [
    '\\',
    'u',
    ...hex(unit.charCodeAt(0).toString(16).padStart(4, '0')),
  ]);
}

function percentEncoding(character: string): Spelling {
  return [...Buffer.from(character, 'utf8')].flatMap((byte) => [
    '%',
    ...hex(byte.toString(16).padStart(2, '0')),
  ]);
}

/** Hexadecimal digits in either case. */
function hex(digits: string): string[] {
  return [...digits].map((digit) => (/[a-f]/.test(digit) ? digit + digit.toUpperCase() : digit));
}
