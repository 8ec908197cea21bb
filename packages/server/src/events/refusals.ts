import type { Operation } from '@slipway/contract';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { type Context, inTransaction } from '../context.ts';
import { audit } from './audit.ts';

/** Seconds in which the refusals of one operation to one actor are one event: a flood of requests is no flood of rows. */
const once = 60;

/** Records that somebody was refused with 403. @param params values of the path, as they were sent */
export type RefusalRecorder = (
  context: Context,
  operation: Operation,
  params: Record<string, string>,
) => Promise<void>;

/** A recorder with a memory of its own; what it remembers is bounded by the actors and operations of a minute. */
export function refusalRecorder(): RefusalRecorder {
  const limiter = new RateLimiterMemory({ points: 1, duration: once });
  return async (context, operation, params) => {
    const isFirst = await limiter.consume(`${context.actor.id} ${operation.id}`).then(
      () => true,
      () => false,
    );
    if (!isFirst) return;
    await inTransaction(context, (work) =>
      audit(work, {
        action: 'system.refused',
        entity: { type: entityType(operation), id: Object.values(params).join('/'), name: null },
        connector: uuidPattern.test(params.publicId ?? '') ? (params.publicId as string) : null,
        changes: [{ path: 'operation', from: null, to: operation.id }],
      }),
    );
  };
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The `resource` word (chapter 2) of what the operation addresses, or else makes or lists. */
function entityType({ subject, success }: Operation): string {
  if (subject === 'version') return 'connector-version';
  if (subject === 'binned-connector') return 'connector';
  return subject ?? ('resource' in success ? success.resource : 'system');
}
