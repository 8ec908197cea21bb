import { messages } from '@slipway/contract';
import { ApiError, ConnectionError } from './errors.ts';

const firstDelayMs = 250;
const longestDelayMs = 8_000;
/** Whoever is told to wait longer than this is told so at once, with the time in the error. */
const longestRetryAfterMs = 60_000;

/**
 * How long to wait before the same request is sent again, in milliseconds; null when it must not be. Refusals that
 * come before any work was done are always good for another try, lost answers only of requests that may be repeated.
 *
 * @param repeatable a read, or a change under an idempotency key
 * @param attempt number of the attempt that failed, from 1
 */
export function delayBeforeRetry(error: unknown, repeatable: boolean, attempt: number): number | null {
  if (error instanceof ConnectionError) return repeatable ? backOff(attempt) : null;
  if (!(error instanceof ApiError)) return null;
  const untouched =
    error.status === 429 || (error.status === 409 && error.message === messages.keyInProgress);
  const lost = error.status === 502 || error.status === 503 || error.status === 504;
  if (!untouched && !(lost && repeatable)) return null;
  if (error.retryAfterMs === null) return backOff(attempt);
  return error.retryAfterMs <= longestRetryAfterMs ? error.retryAfterMs : null;
}

/** Doubles with each attempt up to a cap; half of it is chance, so that many clients do not come back at once. */
export function backOff(attempt: number): number {
  const delay = Math.min(longestDelayMs, firstDelayMs * 2 ** (attempt - 1));
  return delay / 2 + (Math.random() * delay) / 2;
}

/** @throws the signal's reason, as soon as it is aborted */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
