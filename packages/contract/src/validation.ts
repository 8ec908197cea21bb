import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Static, TSchema } from 'typebox';
import type { FieldTexts } from './fields.ts';
import { texts } from './texts.ts';

/** Faulty fields of one request: key as the contract writes it → text, in the order the schema names them. */
export type FieldErrors = Record<string, string>;

export type Checked<T> = { ok: true; value: T } | { ok: false; errors: FieldErrors };

/** `8-4-4-4-12` hex digits of any version and case, as chapter 1.7 accepts them. */
export const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters the contract refuses
const controlCharacters = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

/** No database and no file holds these as a text: NUL, and half of a surrogate pair. */
const isStorable = (text: string): boolean => !text.includes('\0') && text.isWellFormed();

interface SchemaNode {
  type?: string | string[];
  properties?: Record<string, SchemaNode>;
  required?: string[];
  additionalProperties?: boolean | SchemaNode;
  items?: SchemaNode;
  maxLength?: number;
  minLength?: number;
  minimum?: number;
  maximum?: number;
  default?: unknown;
  'x-texts'?: FieldTexts;
  'x-verbatim'?: boolean;
}

const ajv = new Ajv({
  allErrors: true,
  verbose: true,
  strict: false,
  allowUnionTypes: true,
  useDefaults: true,
  formats: { uuid: uuidPattern },
});

/** Rules that no schema can say. They see the prepared body, wrong fields included, and answer key → text. */
export type BodyRules = (body: Record<string, unknown>) => FieldErrors;

const compiled = new WeakMap<TSchema, ValidateFunction>();

/**
 * Checks a body against its schema and rules, with the contract's texts (chapter 1.6): texts are trimmed first, control
 * characters refused, defaults filled in, every faulty field reported once and all of them together.
 */
export function checkBody<S extends TSchema>(
  schema: S,
  given: unknown,
  rules?: BodyRules,
): Checked<Static<S>> {
  let validate = compiled.get(schema);
  if (!validate) {
    validate = ajv.compile(schema);
    compiled.set(schema, validate);
  }
  const root = schema as unknown as SchemaNode;
  const errors = new Map<string, string>();
  const value = prepare(given, root, '', errors, 0);
  if (!validate(value)) {
    for (const error of validate.errors ?? []) {
      const { key, text } = explain(error, root);
      // The first rule that fails speaks for the field; a control character was found before any of them.
      if (!errors.has(key)) errors.set(key, text);
    }
  }
  for (const [key, text] of Object.entries(rules?.(value as Record<string, unknown>) ?? {})) {
    if (!errors.has(key)) errors.set(key, text);
  }
  if (errors.size === 0) return { ok: true, value: value as Static<S> };
  return { ok: false, errors: inDeclaredOrder(errors, root) };
}

/** A copy of `value` with its texts trimmed, so that the caller's object stays as it was. */
function prepare(
  value: unknown,
  node: SchemaNode | undefined,
  key: string,
  errors: Map<string, string>,
  depth: number,
  around = false,
): unknown {
  // Deeper than any body goes: what lies there is refused by its outermost key, and never too deep to be printed.
  if (depth > 64) return null;
  const verbatim = around || node?.['x-verbatim'] === true;
  if (typeof value === 'string') {
    const text = verbatim ? value : value.trim();
    if (isStorable(text) && (verbatim || !controlCharacters.test(text))) return text;
    errors.set(key, node?.['x-texts']?.any ?? texts.invalid);
    return '-';
  }
  if (value === null || typeof value !== 'object') return value;
  const values = typeof node?.additionalProperties === 'object' ? node.additionalProperties : undefined;
  // Rows of any shape: they go into files, which the verb writes and checks.
  if (verbatim && values === undefined) return value;
  if (Array.isArray(value)) {
    return value.map((item, index) => prepare(item, node?.items, `${key}[${index}]`, errors, depth + 1));
  }
  const copy: Record<string, unknown> = Object.create(null);
  for (const [name, item] of Object.entries(value)) {
    const place = key ? `${key}.${name}` : name;
    if (values !== undefined && !isStorable(name)) errors.set(place, texts.invalid);
    copy[name] = prepare(item, node?.properties?.[name] ?? values, place, errors, depth + 1, verbatim);
  }
  return copy;
}

function explain(error: ErrorObject, root: SchemaNode): { key: string; text: string } {
  const parent = error.parentSchema as SchemaNode;
  const path = keyOf(error.instancePath);
  if (error.keyword === 'required') {
    const name = String(error.params.missingProperty);
    const own = parent.properties?.[name]?.['x-texts'];
    return { key: path ? `${path}.${name}` : name, text: own?.any ?? own?.blank ?? texts.blank };
  }
  if (error.keyword === 'additionalProperties') {
    const name = String(error.params.additionalProperty);
    return { key: path ? `${path}.${name}` : name, text: texts.unexpected };
  }
  const list = listWithItemText(error.instancePath, root);
  if (list) return list;
  const own = parent['x-texts'] ?? {};
  if (own.any) return { key: path, text: own.any };
  if (isBlank(error.data) && (parent.minLength || isRequired(error.instancePath, root)))
    return { key: path, text: own.blank ?? texts.blank };
  return { key: path, text: ruleText(error, parent, own) };
}

function ruleText(error: ErrorObject, node: SchemaNode, own: FieldTexts): string {
  switch (error.keyword) {
    case 'type':
      return own.type ?? texts.type(plainType(node.type));
    case 'enum':
      return own.choice ?? texts.choice;
    case 'format':
      return texts.uuid;
    case 'maxLength':
      return texts.tooLong(node.maxLength ?? 0);
    case 'minLength':
      return (node.minLength ?? 1) > 1 && error.data !== ''
        ? texts.tooShort(node.minLength ?? 0)
        : texts.blank;
    case 'minItems':
    case 'minProperties':
      return own.blank ?? texts.blank;
    case 'minimum':
    case 'maximum':
      return own.range ?? rangeText(node);
    case 'pattern':
      return own.pattern ?? texts.invalid;
    default:
      return texts.invalid;
  }
}

function rangeText({ minimum, maximum }: SchemaNode): string {
  if (minimum !== undefined && maximum !== undefined) return texts.between(minimum, maximum);
  return minimum === 0 ? texts.nonNegative : texts.positive;
}

/** Lists of positive integers answer once, under their own key, whatever item is wrong. */
function listWithItemText(pointer: string, root: SchemaNode): { key: string; text: string } | null {
  const match = /^(.*)\/\d+$/.exec(pointer);
  if (!match) return null;
  const text = nodeAt(match[1] ?? '', root)?.['x-texts']?.item;
  return text ? { key: keyOf(match[1] ?? ''), text } : null;
}

const isBlank = (value: unknown): boolean => value === null || value === undefined || value === '';

function isRequired(pointer: string, root: SchemaNode): boolean {
  const cut = pointer.lastIndexOf('/');
  if (cut < 0) return false;
  return (
    nodeAt(pointer.slice(0, cut), root)?.required?.includes(unescapePointer(pointer.slice(cut + 1))) ?? false
  );
}

function nodeAt(pointer: string, root: SchemaNode): SchemaNode | undefined {
  let node: SchemaNode | undefined = root;
  for (const part of pointer.split('/').slice(1)) {
    node = node?.items && /^\d+$/.test(part) ? node.items : node?.properties?.[unescapePointer(part)];
  }
  return node;
}

const plainType = (type: string | string[] | undefined): string =>
  (Array.isArray(type) ? type.find((name) => name !== 'null') : type) ?? 'value';

const unescapePointer = (part: string): string => part.replaceAll('~1', '/').replaceAll('~0', '~');

/** `/allow-list/2` → `allow-list[2]`, `/dev-defaults/account` → `dev-defaults.account`. */
function keyOf(pointer: string): string {
  return pointer
    .split('/')
    .slice(1)
    .map(unescapePointer)
    .reduce((key, part) => (/^\d+$/.test(part) ? `${key}[${part}]` : key ? `${key}.${part}` : part), '');
}

/** Ajv reports missing keys before wrong ones; a form shows its errors in the order of its fields. */
function inDeclaredOrder(errors: Map<string, string>, root: SchemaNode): FieldErrors {
  const declared = Object.keys(root.properties ?? {});
  const place = (key: string): number => {
    const index = declared.indexOf(key.replace(/[.[].*$/s, ''));
    return index < 0 ? declared.length : index;
  };
  return Object.fromEntries([...errors].sort(([a], [b]) => place(a) - place(b)));
}
