import type { Operation } from '@slipway/contract';
import { headerAttempts, pathAttempts, queryAttempts } from './address-attempts.ts';
import { type Attempt, type Base, refused } from './attempt.ts';
import { jsonOf } from './bad-values.ts';
import { bodyAttempts } from './body-attempts.ts';

/**
 * Everything that is tried on one operation, from its declaration alone: every field of its body at every depth, every
 * path value, every query parameter, every header it reads, and the body as a whole.
 *
 * @param base a request that would be granted
 */
export const attemptsOf = (operation: Operation, base: Base): Attempt[] =>
  [
    ...pathAttempts(operation),
    ...queryAttempts(operation),
    ...headerAttempts(operation),
    ...(operation.method === 'GET' ? [] : bodyAttempts(operation, base)),
  ].map((attempt) => (isOneShot(operation, base) ? harmless(attempt, base) : attempt));

/** Granting it once leaves nothing to ask again: deletions, actions that take no body, and what its fixture calls so. */
export const isOneShot = ({ method, body, upload }: Operation, { once }: Base): boolean =>
  once === true || method === 'DELETE' || (method !== 'GET' && body === undefined && upload === undefined);

/** What might be granted gets a key that never is. */
function harmless(attempt: Attempt, base: Base): Attempt {
  if (attempt.expected.kind !== 'granted-or-refused') return attempt;
  const body = String(attempt.body ?? jsonOf(base.body ?? {}));
  const rest = body.slice(1) === '}' ? '}' : `,${body.slice(1)}`;
  return { ...attempt, body: `{"no-such-field":true${rest}`, expected: refused };
}
