import type { DeployedConfig, IndividualField } from '../versions/deployed.ts';

/** What stands for a value that nobody may see. */
const masked = '***';

/** A setting of a run that has a value; without one it is left out (container-api.md 8.4). */
export interface RunValue {
  name: string;
  value: string;
  /** A `password` field: sealed where it is stored, masked where it is shown. */
  secret: boolean;
}

/**
 * The individual configuration of a run: the stored value, else the default; a box that is not ticked is `0`; what is
 * empty then is left out. In the order of the form, then by name.
 */
export function runValues(config: DeployedConfig, stored: Readonly<Record<string, string>>): RunValue[] {
  return inOrder(config.individuals)
    .filter((field) => field['field-type'] !== 'authentication_select')
    .map((field) => ({
      name: field['command-option'],
      value: effectiveValue(field, own(stored, field['command-option'])),
      secret: field['field-type'] === 'password',
    }))
    .filter(({ value }) => value !== '');
}

const own = (values: Readonly<Record<string, string>>, option: string): string =>
  Object.hasOwn(values, option) ? (values[option] ?? '') : '';

const inOrder = (fields: readonly IndividualField[]): IndividualField[] =>
  [...fields].sort((a, b) => a.order - b.order || (a['command-option'] < b['command-option'] ? -1 : 1));

function effectiveValue(field: IndividualField, stored: string): string {
  const value = stored === '' ? (field['field-default-value'] ?? '') : stored;
  if (field['field-type'] === 'checkbox') return value === '1' ? '1' : '0';
  if (field['field-type'] !== 'select_multiple') return value;
  const chosen = new Set(value.split(','));
  return optionsOf(field)
    .filter((option) => chosen.has(option))
    .join(',');
}

/** The values of a select in the order of its text; keys that look like integers keep their place. */
function optionsOf(field: IndividualField): string[] {
  const text = field['field-config'] ?? '{}';
  const keys: string[] = [];
  // JSON.parse would move keys such as "10" to the front, so the order is taken from the text.
  for (const match of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:\s*"(?:[^"\\]|\\.)*"/g)) {
    keys.push(JSON.parse(match[1] as string) as string);
  }
  return keys;
}

/** `connector-setup-config` (3.7): command option → value; null when there is none. */
export const shownValues = (values: readonly RunValue[]): Record<string, string> | null =>
  values.length === 0
    ? null
    : Object.fromEntries(values.map(({ name, value, secret }) => [name, secret ? masked : value]));
