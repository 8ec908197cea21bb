import { messages } from '@slipway/contract';
import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible';
import { Refusal } from '../errors.ts';

/** 1.14 */
export const requestsPerMinute = 600;

/** Counts a request against what let it in. @throws 429 with `Retry-After` in seconds */
export type RateLimit = (sender: string) => Promise<void>;

/**
 * So many requests a minute for each token or sign-in, counted in the memory of this process: only who was let in is
 * counted, so the counters are no more than the tokens in use, and each is forgotten after its minute.
 */
export function rateLimit(points: number): RateLimit {
  const limiter = new RateLimiterMemory({ points, duration: 60 });
  return async (sender) => {
    try {
      await limiter.consume(sender);
    } catch (over) {
      if (!(over instanceof RateLimiterRes)) throw over;
      const seconds = Math.max(1, Math.ceil(over.msBeforeNext / 1000));
      throw new Refusal(429, { message: messages.tooManyRequests }, { 'retry-after': String(seconds) });
    }
  };
}
