import {
  acceptsIdempotencyKey,
  guardedAddress,
  listQuery,
  messages,
  type Operation,
  parameterNames,
  type QueryParameter,
  texts,
} from '@slipway/contract';
import { type Attempt, type Expected, either, fieldError, refused } from './attempt.ts';
import { pathValues, queryValues } from './bad-values.ts';

export function pathAttempts(operation: Operation): Attempt[] {
  return parameterNames(operation.path).flatMap((name) =>
    Object.entries(pathValues).map(([value, encoded]) => ({
      field: `path ${name}`,
      value,
      params: { [name]: encoded },
      expected: expectedOfPath(operation, name, encoded),
    })),
  );
}

/** The values are of no form that has a rule, so a parameter with one answers it; others find nothing. */
function expectedOfPath(operation: Operation, name: string, encoded: string): Expected {
  const value = decoded(encoded);
  if (value === null || value.length > 1000 || operation.malformedPath) return refused;
  const key = name === 'movedToBinPublicId' ? 'publicId' : name;
  if (uuidNames.test(name)) return fieldError(key, texts.uuid);
  if (/^(connector|other)Version$/.test(name)) {
    return /^\d{1,9}$/.test(value) ? refused : fieldError(key, texts.invalid);
  }
  if (operation.patterns?.[name]?.test(value) === false) {
    return fieldError(key, operation.patternTexts?.[name] ?? texts.invalid);
  }
  if (/Id$/.test(name) && name !== 'clientId') return fieldError(key, texts.type('integer'));
  return either;
}

/** Parameters of chapter 1.8 that are UUIDs. */
const uuidNames =
  /^(publicId|movedToBinPublicId|connectorUuid|(state|run|build|bucket|organization|member|integrator|user|token|webhook|delivery|process|signIn|link)Id)$/;

function decoded(encoded: string): string | null {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return null;
  }
}

export function queryAttempts(operation: Operation): Attempt[] {
  const declared: Record<string, QueryParameter> = {
    ...operation.query,
    ...(operation.success.envelope === 'list' ? listQuery : {}),
  };
  const attempts: Attempt[] = [
    {
      field: 'query',
      value: 'unknown keys',
      query: [
        ['no-such-key', 'x'],
        ['__proto__', 'x'],
        ['constructor', 'x'],
      ],
      expected: either,
    },
    { field: 'query', value: 'a broken escape', query: [['%ZZ', '%']], expected: either },
  ];
  for (const [name, parameter] of Object.entries(declared)) {
    for (const [value, encoded] of Object.entries(queryValues)) {
      attempts.push({
        field: `query ${name}`,
        value,
        query: [[name, encoded]],
        expected: expectedOfQuery(operation, name, parameter, encoded),
      });
    }
    attempts.push({
      field: `query ${name}`,
      value: 'twice',
      query: [
        [name, 'x'],
        [name, 'y'],
      ],
      expected: either,
    });
    attempts.push({
      field: `query ${name}`,
      value: 'as an object',
      query: [[`${name}[a]`, 'x']],
      expected: either,
    });
  }
  return attempts;
}

function expectedOfQuery(
  operation: Operation,
  name: string,
  parameter: QueryParameter,
  encoded: string,
): Expected {
  const value = decoded(encoded);
  if (value === null) return either;
  const wrong = (text: string): Expected =>
    parameter.sentence
      ? { kind: 'answer', status: 400, message: parameter.sentence }
      : fieldError(name, parameter.text ?? text);
  if (operation.success.envelope === 'list') {
    if (name === 'from') return /^\d{1,9}$/.test(value) ? either : wrong(texts.nonNegative);
    if (name === 'limit') return wrong(texts.between(1, 1000));
  }
  switch (parameter.kind) {
    case 'choice':
    case 'choices':
      return wrong(texts.choice);
    case 'uuid':
    case 'uuids':
      return wrong(texts.uuid);
    case 'boolean':
      return wrong(texts.boolean);
    case 'integer':
      return wrong(texts.type('integer'));
    case 'time':
      return wrong('This value is not a valid time.');
    case 'pattern':
      return parameter.pattern?.test(value) ? either : wrong(texts.invalid);
    case 'text':
      return value.includes('\0') ? wrong(texts.invalid) : either;
  }
}

export function headerAttempts(operation: Operation): Attempt[] {
  const attempts: Attempt[] = [];
  const header = (name: string, values: Record<string, string>, expected: Expected): void => {
    for (const [value, sent] of Object.entries(values)) {
      attempts.push({ field: `header ${name}`, value, headers: { [name]: sent }, expected });
    }
  };
  header('X-Request-Id', { long: 'x'.repeat(500), markup: '<script>', 'Latin-1': 'é', empty: '' }, either);
  header('Accept', { nonsense: 'no/such;;type', 'a long list': '*/*,'.repeat(500), empty: '' }, either);
  if (operation.method === 'GET') {
    header(
      'If-None-Match',
      { 'no tag': 'x', 'a broken tag': 'W/"', 'a long list': '"x",'.repeat(500), empty: '' },
      either,
    );
    header(
      'Last-Event-ID',
      { 'no number': 'x', negative: '-1', '2^53': '9007199254740993', fraction: '1.5' },
      either,
    );
  } else if (acceptsIdempotencyKey(operation)) {
    const wrongKey = fieldError('Idempotency-Key', texts.invalid);
    header(
      'Idempotency-Key',
      { empty: '', long: 'x'.repeat(256), 'a space': 'a b', 'Latin-1': 'é' },
      wrongKey,
    );
    header(
      'Idempotency-Key',
      { 'a proto': `__proto__${operation.id}`, SQL: `';DROP/**/TABLE/**/users;--${operation.id}` },
      either,
    );
  }
  if (guardedAddress(operation) !== null) {
    header(
      'If-Match',
      {
        'no tag': 'x',
        'a broken tag': 'W/"',
        'another tag': '"x"',
        'a long list': '"x",'.repeat(500),
        empty: '',
      },
      either,
    );
  }
  if (operation.access !== 'public' && !operation.metricsToken) {
    const unauthorized: Expected = { kind: 'answer', status: 401, message: messages.unauthorized };
    header(
      'Authorization',
      {
        nothing: '',
        'another scheme': 'Basic eDp4',
        'no token': 'Bearer ',
        'a word': 'Bearer x',
        'a long one': `Bearer ${'x'.repeat(4000)}`,
        'a broken JWT': 'Bearer eyJhbGciOiJub25lIn0.e30.',
        'Latin-1': 'Bearer é',
      },
      unauthorized,
    );
  }
  return attempts;
}
