import * as openid from 'openid-client';
import { ConnectionError } from './errors.ts';

/** The provider refused, the user did, or what came back is not to be trusted. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError';
  /** The provider's word for it (RFC 6749, RFC 8628), such as `invalid_grant` or `access_denied`; else null. */
  readonly code: string | null;

  constructor(message: string, code: string | null, cause: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

/** Does one step of a flow. @throws OAuthError, ConnectionError, or the signal's reason */
export async function step<T>(url: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
  try {
    // Polling looks at the signal between its pauses only.
    return await (signal ? Promise.race([work(), aborted(signal)]) : work());
  } catch (error) {
    throw signal?.aborted ? signal.reason : told(url, error);
  }
}

const aborted = (signal: AbortSignal): Promise<never> =>
  new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });

function told(url: string, error: unknown): unknown {
  if (error instanceof openid.ResponseBodyError || error instanceof openid.AuthorizationResponseError) {
    return new OAuthError(error.error_description ?? error.error, error.error, error);
  }
  if (error instanceof openid.WWWAuthenticateChallengeError) {
    const { error: code, error_description } = error.cause[0]?.parameters ?? {};
    return new OAuthError(error_description ?? error.message, code ?? null, error);
  }
  if (error instanceof openid.ClientError) {
    // What exactly was wrong stands in the cause; the error itself only says that something was.
    const reason = error.cause instanceof Error ? error.cause.message : error.message;
    return new OAuthError(reason, null, error);
  }
  if (error instanceof TypeError) {
    const reason = error.cause instanceof Error ? error.cause.message : error.message;
    const message = `The connection to ${url} failed: ${reason}`;
    return new ConnectionError('oauth', message, { cause: error, timedOut: false });
  }
  return error;
}
