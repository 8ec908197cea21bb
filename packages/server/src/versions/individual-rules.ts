import {
  type ConnectorType,
  environmentName,
  type FieldErrors,
  type FieldType,
  isReservedName,
  texts,
} from '@slipway/contract';

/** A form field as a client sends it, before the defaults. */
export interface IndividualBody {
  'command-option'?: string;
  'field-type'?: FieldType;
  'field-name'?: string;
  'field-required'?: boolean;
  'field-placeholder'?: string | null;
  'field-description'?: string | null;
  'field-default-value'?: string | null;
  'field-config'?: string | null;
  order?: number | null;
}

const maxFields = 100;
const maxOptions = 1000;

/** What the rules look at beside the field itself. */
export interface RuleSurroundings {
  type: ConnectorType;
  /** Command options of the version's other fields. */
  others: readonly string[];
}

/**
 * The rules of `connector_individual_config_add` that go beyond form: names, kinds, defaults and options. Fields of a
 * wrong form are passed over; the schema speaks for them.
 */
export function individualRules(field: IndividualBody, { type, others }: RuleSurroundings): FieldErrors {
  const errors: FieldErrors = {};
  const option = field['command-option'];
  if (typeof option === 'string' && option !== '') {
    if (others.some((other) => environmentName(other) === environmentName(option))) {
      errors['command-option'] = texts.used;
    } else if (isReservedName(option)) {
      errors['command-option'] = 'This name is reserved.';
    } else if (others.length >= maxFields) {
      errors['command-option'] = 'A version can have at most 100 individual configurations.';
    }
  }
  const kind = field['field-type'];
  if (kind === 'stage_columns_dropdown' && type !== 'data-service') {
    errors['field-type'] = `This field type is not available for connectors of type ${type}.`;
  }
  const options = readOptions(field);
  if (options.error) errors['field-config'] = options.error;
  const value = field['field-default-value'];
  if (typeof value === 'string' && value !== '') {
    const error = defaultError(kind, value, options.values);
    if (error) errors['field-default-value'] = error;
  }
  return errors;
}

/** The values of a select, or why its options are none. Other kinds have free text there. */
function readOptions(field: IndividualBody): { values: readonly string[] | null; error?: string } {
  const kind = field['field-type'];
  if (kind !== 'select' && kind !== 'select_multiple') return { values: null };
  const none = { values: null, error: 'This value should be a JSON object with at least one option.' };
  const text = field['field-config'];
  if (typeof text !== 'string' && text !== null && text !== undefined) return { values: null };
  let parsed: unknown;
  try {
    parsed = JSON.parse(text ?? '');
  } catch {
    return none;
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return none;
  const values = Object.keys(parsed);
  if (values.length === 0 || Object.values(parsed).some((label) => typeof label !== 'string')) return none;
  if (values.length > maxOptions) return { values, error: 'A field can have at most 1000 options.' };
  if (kind === 'select_multiple' && values.some((value) => value.includes(','))) {
    return { values, error: 'The values of a multiple selection can not contain a comma.' };
  }
  return { values };
}

function defaultError(kind: unknown, value: string, options: readonly string[] | null): string | null {
  switch (kind) {
    case 'checkbox':
      return value === '0' || value === '1' ? null : 'This value should be 0 or 1.';
    case 'password':
      return 'A password can not have a default value.';
    case 'select':
      return options && !options.includes(value) ? oneOfTheOptions : null;
    case 'select_multiple':
      return options && !value.split(',').every((part) => options.includes(part)) ? oneOfTheOptions : null;
    default:
      return null;
  }
}

const oneOfTheOptions = 'This value should be one of the options.';
