/**
 * Compares an answer with a golden one: the same keys in the same order at every depth, the same lengths, the same
 * values. A volatile path must be there and of the same kind, but may have another value.
 *
 * @returns the differences, a line each; none when the answer is right
 */
export function differences(actual: unknown, expected: unknown, volatile: readonly string[]): string[] {
  const found: string[] = [];
  compare(actual, expected, '', '', new Set(volatile), found);
  return found;
}

const timePattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d$/;
const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** `path` names the place, `rule` is the same with `[]` for every index, as volatile paths are written. */
function compare(
  actual: unknown,
  expected: unknown,
  path: string,
  rule: string,
  volatile: ReadonlySet<string>,
  found: string[],
): void {
  if (volatile.has(rule)) {
    // A value that differs still looks like what it is.
    if (typeof expected === 'string' && typeof actual === 'string') {
      for (const pattern of [timePattern, uuidPattern]) {
        if (pattern.test(expected) && !pattern.test(actual))
          found.push(`${path}: ${actual} is not like ${expected}`);
      }
    }
    return;
  }
  if (Array.isArray(expected) && Array.isArray(actual)) {
    if (actual.length !== expected.length)
      found.push(`${path}: ${actual.length} items, not ${expected.length}`);
    for (const [index, item] of expected.entries()) {
      compare(actual[index], item, `${path}[${index}]`, `${rule}[]`, volatile, found);
    }
    return;
  }
  if (isObject(expected) && isObject(actual)) {
    const [have, want] = [Object.keys(actual).join(', '), Object.keys(expected).join(', ')];
    if (have !== want) found.push(`${path || 'answer'}: keys ${have}, not ${want}`);
    for (const key of Object.keys(expected)) {
      const dot = path === '' ? '' : '.';
      compare(actual[key], expected[key], path + dot + key, rule + dot + key, volatile, found);
    }
    return;
  }
  if (JSON.stringify(actual) !== JSON.stringify(expected)) {
    found.push(`${path}: ${JSON.stringify(actual)}, not ${JSON.stringify(expected)}`);
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
