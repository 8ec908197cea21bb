/** The server refused, or could not do it: what it said. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  /** Id of the operation that was called. */
  readonly operation: string;
  readonly status: number;
  /** What is wrong with which field; empty where no field is to blame. */
  readonly errors: Readonly<Record<string, string>>;
  /** Leads to the server's log; null when something before the server answered. */
  readonly requestId: string | null;
  /** How long to wait before asking again, in milliseconds; null when the answer does not say. */
  readonly retryAfterMs: number | null;

  constructor(
    operation: string,
    answer: Response,
    body: { message: string; errors: Record<string, string> } | null,
  ) {
    super(body?.message ?? `The server answered ${answer.status} ${answer.statusText}`.trimEnd());
    this.operation = operation;
    this.status = answer.status;
    this.errors = body?.errors ?? {};
    this.requestId = answer.headers.get('x-request-id');
    this.retryAfterMs = retryAfterOf(answer.headers.get('retry-after'));
  }
}

/** There was no answer: the server is out of reach, the connection broke, or it took too long. */
export class ConnectionError extends Error {
  override readonly name = 'ConnectionError';
  readonly operation: string;
  /** True when the time of an attempt was over. */
  readonly timedOut: boolean;

  constructor(operation: string, message: string, options: { cause: unknown; timedOut: boolean }) {
    super(message, { cause: options.cause });
    this.operation = operation;
    this.timedOut = options.timedOut;
  }
}

/** Reads a refusal. */
export async function refusal(operation: string, answer: Response): Promise<ApiError> {
  return new ApiError(operation, answer, bodyOf(await answer.text()));
}

function bodyOf(text: string): { message: string; errors: Record<string, string> } | null {
  try {
    const { message, errors } = JSON.parse(text) as { message?: unknown; errors?: unknown };
    if (typeof message !== 'string') return null;
    const named = typeof errors === 'object' && errors !== null && !Array.isArray(errors);
    return { message, errors: named ? (errors as Record<string, string>) : {} };
  } catch {
    // Whoever stands between the server and us answers in other forms.
    return null;
  }
}

/** `Retry-After` in milliseconds: seconds or a date (RFC 9110, 10.2.3). */
function retryAfterOf(value: string | null): number | null {
  if (value === null) return null;
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000;
  const date = Date.parse(value);
  return Number.isNaN(date) ? null : Math.max(0, date - Date.now());
}
