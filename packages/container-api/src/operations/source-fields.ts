import { TEXTS } from '../http/answers.ts';

/** Texts about paths (container-api.md 7.1). */
export const NO_FILE = 'File not found.';
export const NO_PATH = 'Not a valid file path.';

/** A field that holds a path, or what is wrong with it. */
export function readPathField(
  json: string | undefined,
): { readonly text: string } | { readonly error: string } {
  if (json === undefined || json === 'null' || json === '""') return { error: TEXTS.blank };
  return json.startsWith('"') ? { text: JSON.parse(json) as string } : { error: TEXTS.notText };
}
