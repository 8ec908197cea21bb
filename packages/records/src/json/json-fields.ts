import { JsonScanner } from './json-scanner.ts';
import { decodeString, prepareJson } from './json-text.ts';

const COLON = 0x3a;
const OBJECT_OPEN = 0x7b;
const OBJECT_CLOSE = 0x7d;

/**
 * The fields of a JSON object and the text of their values, as it was printed. Of a repeated field the last one counts.
 *
 * @param body JSON text with one more byte behind it, which is overwritten
 * @returns no fields for an empty body and for JSON that is no object
 * @throws {MalformedJsonError}
 */
export function readFields(body: Buffer): Map<string, string> {
  const bytes = prepareJson(body);
  const scanner = new JsonScanner(bytes);
  const fields = new Map<string, string>();
  const first = scanner.peek();
  const end = bytes.length - 1;
  if (scanner.at === end) return fields;
  if (first !== OBJECT_OPEN) {
    scanner.value(0);
  } else {
    scanner.at++;
    if (!scanner.closes(OBJECT_CLOSE)) {
      do {
        scanner.peek();
        const nameAt = scanner.at;
        scanner.string();
        const name = decodeString(bytes.subarray(nameAt, scanner.at));
        scanner.expect(COLON);
        scanner.peek();
        const valueAt = scanner.at;
        scanner.value(1);
        fields.set(name, bytes.toString('utf8', valueAt, scanner.at));
      } while (scanner.more(OBJECT_CLOSE));
    }
  }
  scanner.peek();
  if (scanner.at !== end) scanner.fail();
  return fields;
}

/** The same JSON without white space between its tokens. */
export function minify(text: string): string {
  return text.replaceAll(
    /("(?:[^"\\]|\\.)*")|[ \t\r\n]+/g,
    (_all, literal: string | undefined) => literal ?? '',
  );
}
