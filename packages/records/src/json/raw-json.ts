/*
 * Numbers that keep their spelling: ECMAScript's "JSON.parse source text access", which the type library lacks so far.
 */

declare global {
  interface JSON {
    parse(
      text: string,
      reviver: (key: string, value: unknown, context: { readonly source?: string }) => unknown,
    ): unknown;
    rawJSON(text: string): object;
    isRawJSON(value: unknown): boolean;
  }
}

/** Whether parsing may change how a number is printed. */
const DELICATE_NUMBER = /\d{16}|\d\.\d|\d[eE]|-0/;

/** Parses valid JSON so that `JSON.stringify` prints its numbers as they were. */
export function parseExact(text: string): unknown {
  if (!DELICATE_NUMBER.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && source !== undefined && String(value) !== source
      ? JSON.rawJSON(source)
      : value,
  );
}

/** Whether a value of {@link parseExact} is a number that keeps its spelling. */
export function isExactNumber(value: unknown): boolean {
  return JSON.isRawJSON(value);
}
