import { parseExact } from '@slipway/records';
import { TEXTS } from '../http/answers.ts';

/** A message as log entries, notifications and events have it (container-api.md 5.9), or what is wrong with it. */
export function readMessage(
  json: string | undefined,
): { readonly text: string } | { readonly error: string } {
  if (json === undefined || json === 'null' || json === '""' || isEmpty(json)) return { error: TEXTS.blank };
  if (json.startsWith('"')) return { text: JSON.parse(json) as string };
  if (json.startsWith('{') || json.startsWith('[')) return { error: TEXTS.notText };
  // A number or boolean is kept as it was printed.
  return { text: json };
}

/** A context as log entries and events have it: missing, `null` and `[]` are `{}`, a list is an object of its indexes. */
export function readContext(
  json: string | undefined,
): { readonly context: Readonly<Record<string, unknown>> } | { readonly error: string } {
  if (json === undefined || json === 'null') return { context: {} };
  if (!json.startsWith('{') && !json.startsWith('[')) return { error: TEXTS.notContext };
  return { context: { ...(parseExact(json) as object) } };
}

function isEmpty(json: string): boolean {
  return /^(?:\[\s*\]|\{\s*\})$/.test(json);
}
