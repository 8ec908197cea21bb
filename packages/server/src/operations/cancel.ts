import type { BackgroundAction, operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { denied, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { kinds } from './kinds.ts';
import { failAction, lockAction } from './transitions.ts';

/** `POST /states/{stateId}/cancel`. What it needs depends on what is cancelled. */
export const cancelState: Verb<(typeof operations)['stateCancel']> = async (context, { subject }) => {
  const scope = kinds[subject.name]?.scope ?? 'releases:write';
  if (!context.actor.scopes.has(scope)) {
    throw denied({ 'www-authenticate': `Bearer error="insufficient_scope", scope="${scope}"` });
  }
  await cancelAction(context, subject, { operation: 'state_cancel', resource: 'state' });
};

/**
 * Cancels a pending operation at once: it is settled here, and its worker finds out and stops. An operation in its last
 * transaction holds the locks that this one waits for, so it is over by then.
 *
 * @throws 400 `The action can no longer be cancelled.`
 */
export function cancelAction(
  context: Context,
  { id, name }: { id: string; name: BackgroundAction },
  { operation, resource }: { operation: string; resource: 'state' | 'build' },
): Promise<void> {
  return inTransaction(context, async (work) => {
    const locked = await lockAction(work.db, id);
    if (!locked) throw refused('The action can no longer be cancelled.');
    const kind = kinds[name];
    await failAction(
      work,
      locked,
      {
        step: locked.step ?? kind?.firstStep ?? 'engine',
        error: kind?.cancelled ?? 'The action was cancelled',
        exitCode: null,
        cancelled: true,
      },
      kind,
    );
    await audit(work, {
      action: operation,
      entity: { type: resource, id, name },
      connector: locked.connectorId,
      changes: [{ path: 'status', from: 'pending', to: 'failed' }],
    });
  });
}
