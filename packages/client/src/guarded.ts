import type { Call } from './call.ts';
import { ApiError } from './errors.ts';

/**
 * Changes what was read, and only that: when somebody else changed it in the meantime (412), it is read again and the
 * change made anew from there.
 *
 * @param change makes the change from what is there now, passing `ifMatch` on
 * @param tries how often to begin in all
 * @throws the 412 of the last try
 * @example
 * await changeGuarded(
 *   () => client.connectorShow({ publicId }),
 *   ({ name }, ifMatch) => client.connectorUpdate({ publicId, body: { 'connector-name': `${name}!` } }, { ifMatch }),
 * );
 */
export async function changeGuarded<T, R>(
  read: () => Call<T>,
  change: (current: T, ifMatch: string) => PromiseLike<R>,
  tries = 5,
): Promise<R> {
  for (let number = 1; ; number++) {
    const { data, etag } = await read().withAnswer();
    if (etag === null)
      throw new TypeError('What was read has no ETag, so a change of it can not be guarded.');
    try {
      return await change(data, etag);
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 412 || number >= tries) throw error;
    }
  }
}
