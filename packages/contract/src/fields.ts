import Type, { type TSchema } from 'typebox';
import { greatestInteger } from './limits.ts';
import { texts } from './texts.ts';

/**
 * Texts that replace those the validation would choose by itself; `any` speaks for every rule of the field.
 * They travel in the schema, so that one declaration carries the rule and what a client reads when it is broken.
 */
export interface FieldTexts {
  any?: string;
  blank?: string;
  type?: string;
  choice?: string;
  pattern?: string;
  range?: string;
  item?: string;
}

interface TextOptions {
  max?: number;
  min?: number;
  pattern?: RegExp;
  texts?: FieldTexts;
  /** Taken as sent: neither trimmed nor searched for control characters (readme, secrets, default values). */
  verbatim?: boolean;
  default?: string;
  description?: string;
}

function extras(options: { texts?: FieldTexts; description?: string }): Record<string, unknown> {
  return {
    ...(options.texts ? { 'x-texts': options.texts } : {}),
    ...(options.description ? { description: options.description } : {}),
  };
}

function textRules({ max = 255, min, pattern, verbatim, ...options }: TextOptions): Record<string, unknown> {
  return {
    maxLength: max,
    ...(min === undefined ? {} : { minLength: min }),
    ...(pattern ? { pattern: pattern.source } : {}),
    ...(verbatim ? { 'x-verbatim': true } : {}),
    ...(options.default === undefined ? {} : { default: options.default }),
    ...extras(options),
  };
}

/** A text that must be there and not be empty. */
export const requiredText = (options: TextOptions = {}) =>
  Type.Unsafe<string>({ type: 'string', ...textRules({ ...options, min: options.min ?? 1 }) });

/** A text that may be empty; wrap in `optional` where the key may be absent. */
export const text = (options: TextOptions = {}) =>
  Type.Unsafe<string>({ type: 'string', ...textRules(options) });

/** A text or null; an empty text counts as given. */
export const nullableText = (options: TextOptions = {}) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], ...textRules(options) });

export const optional = <S extends TSchema>(schema: S) => Type.Optional(schema);

export const choice = <const T extends readonly string[]>(values: T, options: { texts?: FieldTexts } = {}) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values], ...extras(options) });

export const nullableChoice = <const T extends readonly string[]>(
  values: T,
  options: { texts?: FieldTexts } = {},
) => Type.Unsafe<T[number] | null>({ type: ['string', 'null'], enum: [...values, null], ...extras(options) });

export const uuid = (options: { texts?: FieldTexts } = {}) =>
  Type.Unsafe<string>({ type: 'string', format: 'uuid', ...extras(options) });

export const nullableUuid = (options: { texts?: FieldTexts } = {}) =>
  Type.Unsafe<string | null>({ type: ['string', 'null'], format: 'uuid', ...extras(options) });

export const boolean = (options: { texts?: FieldTexts } = {}) =>
  Type.Unsafe<boolean>({ type: 'boolean', ...extras(options) });

interface NumberOptions {
  minimum?: number;
  maximum?: number;
  texts?: FieldTexts;
}

export const integer = (options: NumberOptions = {}) => {
  const { texts: _texts, ...range } = options;
  return Type.Unsafe<number>({ type: 'integer', ...range, ...extras(options) });
};

export const nullableInteger = (options: NumberOptions = {}) => {
  const { texts: _texts, ...range } = options;
  return Type.Unsafe<number | null>({ type: ['integer', 'null'], ...range, ...extras(options) });
};

export const number = (options: NumberOptions = {}) => {
  const { texts: _texts, ...range } = options;
  return Type.Unsafe<number>({ type: 'number', ...range, ...extras(options) });
};

/** An id of an account, project, site, …: greater than 0 and no greater than the database can hold. */
export const positiveInteger = () =>
  integer({ minimum: 1, maximum: greatestInteger, texts: { range: texts.positive } });

export const nullablePositiveInteger = (own: FieldTexts = {}) =>
  nullableInteger({ minimum: 1, maximum: greatestInteger, texts: { range: texts.positive, ...own } });

/** A list of at most 1000 items, or fewer where the entry says so. */
export const list = <S extends TSchema>(
  items: S,
  options: { min?: number; max?: number; texts?: FieldTexts } = {},
) =>
  Type.Unsafe<Type.Static<S>[]>({
    type: 'array',
    items,
    ...(options.min === undefined ? {} : { minItems: options.min }),
    maxItems: options.max ?? 1000,
    ...extras(options),
  });

/** Integers greater than 0; one text speaks for every wrong item, under the key of the list. */
export const positiveIntegers = () =>
  Type.Unsafe<number[]>({
    type: 'array',
    maxItems: 1000,
    items: { type: 'integer', minimum: 1, maximum: greatestInteger },
    'x-texts': { item: texts.positiveList },
  });

const selector = (more: Record<string, unknown>) =>
  Type.Unsafe<string | number>({
    type: ['string', 'integer'],
    pattern: '^(main|latest|\\d{1,9})$',
    minimum: 0,
    maximum: 999_999_999,
    description: '`main`, `latest` or a major number',
    ...more,
  });

/** `main`, `latest` or a major number, as text or number, that must be there. */
export const versionSelector = () => selector({ 'x-texts': { type: texts.invalid, range: texts.invalid } });

/** A {@link versionSelector} that may be left out: the latest version then. */
export const versionOrLatest = () =>
  optional(selector({ default: 'latest', 'x-texts': { any: texts.invalid } }));

/** A {@link versionSelector} that may be left out: the version of what is addressed then. */
export const versionOrOwn = () => optional(selector({ 'x-texts': { any: texts.invalid } }));

/** An object that refuses keys it does not name, at every depth. */
export const body = <P extends Type.TProperties>(properties: P) =>
  Type.Object(properties, { additionalProperties: false });

/** An object of {@link body}, or null. */
export const nullableBody = <P extends Type.TProperties>(properties: P) =>
  Type.Unsafe<Type.Static<Type.TObject<P>> | null>({ ...body(properties), type: ['object', 'null'] });
