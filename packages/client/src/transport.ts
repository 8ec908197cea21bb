import { ApiError, ConnectionError, refusal } from './errors.ts';
import type { PreparedRequest } from './request.ts';
import { delayBeforeRetry, sleep } from './retry.ts';
import type { Tokens } from './tokens.ts';

/** How requests are sent. */
export interface Transport {
  /** Address of the server, without a slash at the end. */
  url: string;
  fetch: typeof fetch;
  tokens: Tokens;
  timeoutMs: number;
  retries: number;
}

/** What one call may do otherwise. */
export interface SendOptions {
  signal?: AbortSignal | undefined;
  timeoutMs?: number | undefined;
  retries?: number | undefined;
}

/**
 * Sends a request until it is answered with success: again after failures that allow it, and once more with a new token
 * when the token was refused.
 *
 * @param read takes the answer in; what it reads counts to the time and the tries of the request
 * @throws ApiError, ConnectionError, or the signal's reason
 */
export async function send<T>(
  transport: Transport,
  request: PreparedRequest,
  options: SendOptions,
  read: (answer: Response) => T | Promise<T>,
): Promise<T> {
  const retries = options.retries ?? transport.retries;
  for (let attempt = 1; ; attempt++) {
    try {
      return await sendOnce(transport, request, options, read);
    } catch (error) {
      const delay = attempt > retries ? null : delayBeforeRetry(error, request.repeatable, attempt);
      if (delay === null) throw error;
      await sleep(delay, options.signal);
    }
  }
}

async function sendOnce<T>(
  transport: Transport,
  request: PreparedRequest,
  options: SendOptions,
  read: (answer: Response) => T | Promise<T>,
): Promise<T> {
  options.signal?.throwIfAborted();
  const { tokens } = transport;
  const attempt = (token: string | null) =>
    exchange(
      transport,
      request,
      options,
      token,
      async (answer): Promise<{ read: T } | ApiError> =>
        answer.ok ? { read: await read(answer) } : refusal(request.operation, answer),
    );
  const token = await tokens.current();
  let outcome = await attempt(token);
  if (outcome instanceof ApiError && outcome.status === 401 && token !== null) {
    const renewed = await tokens.after(token);
    if (renewed !== null) outcome = await attempt(renewed);
  }
  if (outcome instanceof ApiError) throw outcome;
  return outcome.read;
}

/** One exchange over the network, within its time. */
async function exchange<T>(
  { url, fetch, timeoutMs }: Transport,
  request: PreparedRequest,
  options: SendOptions,
  token: string | null,
  read: (answer: Response) => Promise<T>,
): Promise<T> {
  const limit = options.timeoutMs ?? timeoutMs;
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(), limit);
  try {
    const answer = await fetch(url + request.path, {
      method: request.method,
      headers: {
        accept: 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
        ...request.headers,
      },
      body: request.body,
      // Tokens travel in the header alone.
      credentials: 'omit',
      signal: options.signal ? AbortSignal.any([options.signal, clock.signal]) : clock.signal,
    });
    return await read(answer);
  } catch (error) {
    throw lost(error, request, url, clock.signal.aborted ? limit : null, options.signal);
  } finally {
    clearTimeout(timer);
  }
}

/** What to throw for something that went wrong on the way. */
function lost(
  error: unknown,
  { operation }: PreparedRequest,
  url: string,
  limit: number | null,
  signal: AbortSignal | undefined,
): unknown {
  if (signal?.aborted) return signal.reason;
  if (limit !== null) {
    const message = `${url} did not answer within ${limit / 1000} s.`;
    return new ConnectionError(operation, message, { cause: error, timedOut: true });
  }
  // Whatever fetch and its bodies run into on the network is a TypeError (Fetch standard).
  if (error instanceof TypeError) {
    const message = `The connection to ${url} failed: ${causeOf(error)}`;
    return new ConnectionError(operation, message, { cause: error, timedOut: false });
  }
  return error;
}

/** Node keeps what happened in the cause; browsers do not tell. */
const causeOf = ({ message, cause }: Error): string =>
  cause instanceof Error && cause.message !== '' ? cause.message : message;
