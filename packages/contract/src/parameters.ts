import { greatestInteger } from './limits.ts';
import type { Operation, QueryParameter } from './operation.ts';
import { texts } from './texts.ts';
import { parseTime } from './time.ts';
import { type FieldErrors, uuidPattern } from './validation.ts';

const uuidParameters = new Set([
  'publicId',
  'movedToBinPublicId',
  'connectorUuid',
  'stateId',
  'runId',
  'buildId',
  'bucketId',
  'organizationId',
  'memberId',
  'integratorId',
  'userId',
  'tokenId',
  'webhookId',
  'deliveryId',
  'processId',
  'signInId',
  'linkId',
]);

const integerNames = [
  'accountId',
  'projectId',
  'siteId',
  'dataSourceId',
  'dataServiceId',
  'exportId',
  'credentialId',
  'dataSetId',
  'channelId',
  'legacyExecutableId',
  'authenticationId',
] as const;
const integerParameters = new Set<string>(integerNames);

/** The path parameters that are integer ids. */
export type IntegerParameter = (typeof integerNames)[number];

const selectorPattern = /^(main|latest|\d{1,9})$/;

/** The names in braces of a path, in order. */
export const parameterNames = (path: string): string[] =>
  [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1] as string);

/**
 * Checks path values by the rules of chapter 1.8 and those of the operation. Uuids come back in lower case.
 *
 * @param patterns rules of the operation's own parameters
 * @param patternTexts what breaking one of them is told, where it is not the usual text
 */
export function checkParameters(
  given: Record<string, string>,
  patterns: Record<string, RegExp> = {},
  patternTexts: Record<string, string> = {},
): {
  values: Record<string, string>;
  errors: FieldErrors;
} {
  const values: Record<string, string> = {};
  const errors: FieldErrors = {};
  for (const [name, value] of Object.entries(given)) {
    values[name] = uuidParameters.has(name) ? value.toLowerCase() : value;
    // In {movedToBinPublicId} the id is the same one, and errors name it publicId (1.8).
    const key = name === 'movedToBinPublicId' ? 'publicId' : name;
    if (uuidParameters.has(name)) {
      if (!uuidPattern.test(value)) errors[key] = texts.uuid;
    } else if (name === 'connectorVersion' || name === 'otherVersion') {
      if (!selectorPattern.test(value)) errors[key] = texts.invalid;
    } else if (integerParameters.has(name)) {
      if (!/^[1-9]\d*$/.test(value) || Number(value) > greatestInteger) errors[key] = texts.type('integer');
    } else if (patterns[name]?.test(value) === false) {
      errors[key] = patternTexts[name] ?? texts.invalid;
    }
  }
  return { values, errors };
}

/** The queries that belong to every list (1.9). */
export const listQuery = {
  from: { kind: 'integer', description: 'position of the first item, from 0' },
  limit: { kind: 'integer', description: 'items on a page, 1 to 1000' },
  after: { kind: 'text', description: 'cursor out of metadata.next; from is then ignored' },
} as const satisfies Record<string, QueryParameter>;

export interface Page {
  from: number;
  limit: number;
  /** Did the request name a limit? Streams of lines carry everything unless it did (1.12). */
  limited: boolean;
  /** The opaque cursor as sent; the list that made it reads it. */
  after: string | null;
}

export interface CheckedQuery {
  values: Record<string, unknown>;
  page: Page;
  errors: FieldErrors;
  /** A refusal told as a sentence; it goes before the field errors. */
  sentence: string | null;
}

/**
 * Checks the query of a request against the operation's declaration. Keys it does not name are ignored (1.1); of a
 * repeated key the last one counts, except in lists, where all do.
 */
export function checkQuery(
  operation: Operation,
  given: Record<string, string | string[] | undefined>,
): CheckedQuery {
  const result: CheckedQuery = { values: {}, page: defaultPage(operation), errors: {}, sentence: null };
  for (const [name, parameter] of Object.entries(operation.query ?? {})) {
    const all = toList(given[name]);
    if (all.length === 0) continue;
    const parsed = parse(parameter, all);
    if (parsed.ok) result.values[name] = parsed.value;
    else if (parameter.sentence) result.sentence ??= parameter.sentence;
    else result.errors[name] = parameter.text ?? parsed.text;
  }
  if (operation.success.envelope === 'list') checkPage(given, result);
  return result;
}

function defaultPage(operation: Operation): Page {
  const limit = operation.success.envelope === 'list' ? (operation.success.limit ?? 100) : 100;
  return { from: 0, limit, limited: false, after: null };
}

function checkPage(given: Record<string, string | string[] | undefined>, result: CheckedQuery): void {
  const from = toList(given.from).at(-1);
  const limit = toList(given.limit).at(-1);
  const after = toList(given.after).at(-1);
  if (from !== undefined) {
    if (/^\d{1,9}$/.test(from)) result.page.from = Number(from);
    else result.errors.from = texts.nonNegative;
  }
  if (limit !== undefined) {
    if (/^\d{1,4}$/.test(limit) && Number(limit) >= 1 && Number(limit) <= 1000) {
      result.page.limit = Number(limit);
      result.page.limited = true;
    } else result.errors.limit = texts.between(1, 1000);
  }
  if (after !== undefined) result.page.after = after;
}

const toList = (value: string | string[] | undefined): string[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value];

type Parsed = { ok: true; value: unknown } | { ok: false; text: string };

function parse(parameter: QueryParameter, all: string[]): Parsed {
  const last = all.at(-1) as string;
  const several = all.flatMap((value) => value.split(',')).map((value) => value.trim());
  switch (parameter.kind) {
    case 'choice':
      return parameter.values?.includes(last) ? { ok: true, value: last } : { ok: false, text: texts.choice };
    case 'choices':
      return several.every((value) => parameter.values?.includes(value))
        ? { ok: true, value: several }
        : { ok: false, text: texts.choice };
    case 'uuid':
      return uuidPattern.test(last)
        ? { ok: true, value: last.toLowerCase() }
        : { ok: false, text: texts.uuid };
    case 'uuids':
      return several.every((value) => uuidPattern.test(value))
        ? { ok: true, value: several.map((value) => value.toLowerCase()) }
        : { ok: false, text: texts.uuid };
    case 'boolean':
      return last === 'true' || last === 'false'
        ? { ok: true, value: last === 'true' }
        : { ok: false, text: texts.boolean };
    case 'integer':
      return /^[1-9]\d{0,9}$/.test(last) && Number(last) <= greatestInteger
        ? { ok: true, value: Number(last) }
        : { ok: false, text: texts.type('integer') };
    case 'time': {
      const time = parseTime(last);
      return time
        ? { ok: true, value: time.toISOString() }
        : { ok: false, text: 'This value is not a valid time.' };
    }
    case 'pattern':
      return parameter.pattern?.test(last) ? { ok: true, value: last } : { ok: false, text: texts.invalid };
    case 'text':
      // PostgreSQL has no NUL in texts, so nothing can contain one.
      return last.includes('\0') ? { ok: false, text: texts.invalid } : { ok: true, value: last };
  }
}
