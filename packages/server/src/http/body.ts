import { type BodyRules, checkBody } from '@slipway/contract';
import type { Static, TSchema } from 'typebox';
import { badRequest } from '../errors.ts';

/**
 * The checked body.
 *
 * @throws 400 with every faulty field
 */
export function requireBody<S extends TSchema>(schema: S, given: unknown, rules?: BodyRules): Static<S> {
  const checked = checkBody(schema, given, rules);
  if (!checked.ok) throw badRequest(checked.errors);
  return checked.value;
}
