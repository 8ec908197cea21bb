import { guardedAddress, messages, type Operation } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { Refusal } from '../errors.ts';
import { jsonText } from '../json.ts';
import { etagOf, matches } from './etag.ts';
import { type Input, Reply, type Route } from './route.ts';
import type { Found } from './subjects.ts';

/** Runs a change only if the entity it is about is still the one that was read. */
export type Guard = <T>(
  context: Context,
  header: string,
  found: Found<unknown> | null,
  address: Pick<Input<Operation>, 'params' | 'query' | 'page'> & { path: string },
  change: (context: Context) => Promise<T>,
) => Promise<T>;

/**
 * The guard of an operation that takes `If-Match`, or null. It finds the entity's current representation through the
 * read that shows it; an entity without one of its own can not be compared, and `If-Match` is not looked at.
 *
 * The rows are locked, compared and changed in one transaction, so of two writers with the same `ETag` one waits and then
 * meets 412. Writers of what has no lock of its own are kept apart by a lock on its address.
 */
export function guardOf(operation: Operation, routes: readonly Route[]): Guard | null {
  const path = guardedAddress(operation);
  const shown = routes.find((other) => other.operation.method === 'GET' && other.operation.path === path);
  if (shown?.operation.success.envelope !== 'single') return null;
  return (context, header, found, { path: sent, ...address }, change) =>
    inTransaction(context, async (work) => {
      await sql`SELECT pg_advisory_xact_lock(hashtextextended(${`if-match ${sent}`}, 0))`.execute(work.db);
      await found?.lock?.(work.db);
      const result = await shown.verb(work, {
        ...address,
        body: {},
        subject: found?.subject,
        lastEventId: 0,
      } as unknown as Input<Operation>);
      const current = etagOf(jsonText(result instanceof Reply ? result.data : result));
      if (!matches(header, current)) throw new Refusal(412, { message: messages.changed, errors: [] });
      return change(work);
    });
}
