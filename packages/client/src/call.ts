/** What came back, besides its data. */
export interface Answer<T> {
  data: T;
  status: number;
  /** The server's sentence; null where the answer has none. */
  message: string | null;
  /** For `ifMatch` of a later change; null where the answer has none. */
  etag: string | null;
  /** Leads to the server's log. */
  requestId: string | null;
  /** True when the server gave an answer again that it had kept for the idempotency key. */
  replayed: boolean;
  headers: Headers;
}

/**
 * A call that is under way: a promise of its data.
 *
 * @example const { data, etag } = await client.connectorShow({ publicId }).withAnswer();
 */
export interface Call<T> extends Promise<T> {
  /** The data with status, ETag and headers. */
  withAnswer(): Promise<Answer<T>>;
}

export function callOf<T>(answer: Promise<Answer<T>>): Call<T> {
  const data = answer.then(({ data }) => data);
  return Object.assign(data, {
    withAnswer() {
      // Whoever takes the answer meets the error there, and not a second time here.
      data.catch(() => {});
      return answer;
    },
  });
}

/** Reads a body of success: what stands under `data`, the message where there is none, nothing where there is no body. */
export async function readAnswer(response: Response, raw: boolean): Promise<Answer<unknown>> {
  const { status, headers } = response;
  const about = {
    status,
    etag: headers.get('etag'),
    requestId: headers.get('x-request-id'),
    replayed: headers.get('idempotency-replayed') === 'true',
    headers,
  };
  if (raw) return { data: response, message: null, ...about };
  const text = await response.text();
  if (text === '') return { data: undefined, message: null, ...about };
  const body = JSON.parse(text) as { message: string; data?: unknown };
  return { data: 'data' in body ? body.data : body.message, message: body.message, ...about };
}
