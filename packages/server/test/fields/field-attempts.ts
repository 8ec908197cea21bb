import { texts } from '@slipway/contract';
import { type Attempt, type Expected, either, fieldError, refused } from './attempt.ts';
import {
  controlTexts,
  deepValues,
  impossibleKeys,
  impossibleTexts,
  jsonOf,
  strangeKeys,
  strangeNumbers,
  strangeTexts,
  valuesOfTypes,
} from './bad-values.ts';
import {
  type Field,
  isNullable,
  keyOf,
  type Node,
  sampleOf,
  typesOf,
  without,
  withValue,
} from './schema-fields.ts';

/** What a required field is told that is not there. */
export const blankText = (node: Node): string =>
  node['x-texts']?.any ?? node['x-texts']?.blank ?? texts.blank;

/** Everything that is tried on one field of a body. */
export function fieldAttempts(target: Field, root: Node, body: Record<string, unknown>): Attempt[] {
  const { path, node, required, list } = target;
  const attempts: Attempt[] = [];
  const send = (value: string, sent: unknown, expected: Expected): void => {
    attempts.push({
      field: `body ${keyOf(path)}`,
      value,
      body: jsonOf(withValue(body, root, path, sent)),
      expected,
    });
  };
  const types = typesOf(node);
  const own = node['x-texts'] ?? {};
  const wrong = (text: string): Expected =>
    list ? fieldError(list.key, list.text) : fieldError(keyOf(path), own.any ?? text);
  // A field without a type in the schema is its verb's to judge.
  const wrongType =
    types.length === 0
      ? either
      : wrong(own.type ?? texts.type(types.find((type) => type !== 'null') ?? 'value'));

  for (const [type, values] of Object.entries(valuesOfTypes)) {
    if (types.includes(type) || (type === 'integer' && types.includes('number'))) continue;
    for (const { label, value } of values) send(label, value, wrongType);
  }
  for (const { label, type, value } of deepValues) {
    send(label, value, types.includes(type) ? either : wrongType);
  }
  if (isNullable(node)) send('null', null, either);
  else send('null', null, required || node.minLength ? wrong(own.blank ?? texts.blank) : wrongType);
  if (typeof path.at(-1) === 'string' && path.at(-1) !== 'some-key') {
    const expected: Expected = required ? fieldError(keyOf(path), blankText(node)) : either;
    attempts.push({
      field: `body ${keyOf(path)}`,
      value: 'nothing',
      body: jsonOf(without(body, root, path)),
      expected,
    });
  }
  if (types.includes('string')) textAttempts(target, send, wrong);
  if (types.includes('integer') || types.includes('number')) numberAttempts(target, send, wrong);
  if (types.includes('array')) {
    send('no items', [], node.minItems ? wrong(own.blank ?? texts.blank) : either);
    const many = (node.maxItems ?? 1000) + 1;
    send(
      `${many} items`,
      Array.from({ length: many }, () => sampleOf(node.items ?? {})),
      wrong(texts.invalid),
    );
  }
  if (typeof node.additionalProperties === 'object') {
    for (const name of strangeKeys) send(`the key ${JSON.stringify(name)}`, mapOf(name), either);
    for (const name of impossibleKeys) send(`the key ${JSON.stringify(name)}`, mapOf(name), refused);
    send(
      '5000 keys',
      Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`k${index}`, 'x'])),
      either,
    );
    send('a long key', mapOf('k'.repeat(10_000)), either);
  }
  return attempts;
}

const mapOf = (name: string): object => Object.fromEntries([[name, 'x']]);

type Send = (value: string, sent: unknown, expected: Expected) => void;

function textAttempts(
  { node, required, verbatim, path, list }: Field,
  send: Send,
  wrong: (text: string) => Expected,
): void {
  const own = node['x-texts'] ?? {};
  const blank = node.minLength !== undefined || required ? wrong(own.blank ?? texts.blank) : null;
  const attempt = (label: string, value: string): void =>
    send(label, value, expectedOfText(node, verbatim ? value : value.trim(), wrong));
  if (blank) send('an empty text', '', blank);
  else attempt('an empty text', '');
  if (blank && !verbatim) send('only spaces', ' \t\n ', blank);
  else attempt('only spaces', '   ');
  // An impossible character is found before anything else, so no text of a list speaks for it.
  const impossible: Expected =
    list === null && verbatim === (node['x-verbatim'] === true)
      ? fieldError(keyOf(path), own.any ?? texts.invalid)
      : refused;
  for (const { label, value } of impossibleTexts) send(label, value, impossible);
  if (!verbatim) for (const { label, value } of controlTexts) send(label, value, impossible);
  for (const { label, value } of strangeTexts) attempt(label, String(value));
  if (node.maxLength !== undefined && !node.enum)
    attempt('one character too many', 'x'.repeat(node.maxLength + 1));
  attempt('300,000 characters', 'x'.repeat(300_000));
}

/** The first rule of the schema that the text breaks; rules of the verb may refuse what is left. */
function expectedOfText(node: Node, text: string, wrong: (text: string) => Expected): Expected {
  const own = node['x-texts'] ?? {};
  if (node.enum) return wrong(own.choice ?? texts.choice);
  if (node.format === 'uuid') return wrong(texts.uuid);
  const { maxLength = Number.POSITIVE_INFINITY, minLength = 0, pattern } = node;
  const { length } = [...text];
  if (length > maxLength) return wrong(texts.tooLong(maxLength));
  if (length < minLength) return wrong(texts.tooShort(minLength));
  if (pattern !== undefined && !new RegExp(pattern, 'u').test(text)) {
    return wrong(own.pattern ?? texts.invalid);
  }
  return either;
}

function numberAttempts({ node }: Field, send: Send, wrong: (text: string) => Expected): void {
  const types = typesOf(node);
  if (types.includes('string')) {
    for (const { label, value } of strangeNumbers) send(label, value, either);
    return;
  }
  const { minimum, maximum } = node;
  const range =
    minimum !== undefined && maximum !== undefined
      ? texts.between(minimum, maximum)
      : minimum === 0
        ? texts.nonNegative
        : texts.positive;
  const own = node['x-texts'] ?? {};
  for (const { label, value } of strangeNumbers) {
    const number = typeof value === 'number' ? value : Number(label.replace('2^53+1', '9007199254740993'));
    const whole = Number.isInteger(number);
    if (!Number.isFinite(number)) send(label, value, refused);
    else if (types.includes('integer') && !whole)
      send(label, value, wrong(own.type ?? texts.type('integer')));
    else if (number < (minimum ?? -Infinity) || number > (maximum ?? Infinity))
      send(label, value, wrong(own.range ?? range));
    else send(label, value, either);
  }
}
