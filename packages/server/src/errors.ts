import { type FieldErrors, messages } from '@slipway/contract';

/**
 * A refusal that a client meets: the status and the exact body of chapter 1.5. Verbs throw one; a single place turns it
 * into an answer. Anything else that is thrown is a fault of ours and answers 500.
 */
export class Refusal extends Error {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Record<string, string>;

  constructor(
    status: number,
    body: { message: string; errors?: FieldErrors | [] },
    headers: Record<string, string> = {},
  ) {
    super(body.message);
    this.name = 'Refusal';
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** What a refusal says in one text: that of its first field, else its sentence. */
export const refusalText = ({ body }: Refusal): string =>
  Object.values((body.errors ?? {}) as FieldErrors)[0] ?? String(body.message);

/** 400 that names fields: field validation, and rules with a field. */
export const badRequest = (errors: FieldErrors): Refusal =>
  new Refusal(400, { message: messages.badRequest, errors });

/** 400 told as a sentence; `errors` is an empty list. */
export const refused = (sentence: string): Refusal => new Refusal(400, { message: sentence, errors: [] });

/** 404, for example `notFound('Connector')`. */
export const notFound = (thing: string): Refusal => new Refusal(404, { message: `${thing} not found.` });

export const denied = (headers: Record<string, string> = {}): Refusal =>
  new Refusal(403, { message: messages.denied }, headers);

/** 401. `tokenSent` tells a client that its token is the problem (RFC 6750). */
export const unauthorized = (tokenSent: boolean): Refusal =>
  new Refusal(
    401,
    { message: messages.unauthorized },
    { 'www-authenticate': `Bearer realm="slipway"${tokenSent ? ', error="invalid_token"' : ''}` },
  );

/** T400: the version's state forbids it. */
export const wrongState = (state: string): Refusal => refused(messages.transition(state));
