/** An answer before it is written: status, body as JSON text, further headers. */
export interface Answer {
  readonly status: number;
  /** JSON text; null for an answer without body. */
  readonly body: string | Buffer | null;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Fields and what is wrong with them, in the order in which they are reported. */
export type FieldErrors = Readonly<Record<string, string>>;

/** Thrown to end a call with an answer that is not the operation's success. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly answer: Answer;

  constructor(answer: Answer) {
    super(`Answered ${answer.status}`);
    this.answer = answer;
  }
}

/** Envelope of the contract (container-api.md 2.3): message, then data. */
export function ok(message: string, data?: unknown): Answer {
  return { status: 200, body: JSON.stringify({ message, data }) };
}

/** A success that only has a message. */
export function done(status: number, message: string): Answer {
  return { status, body: JSON.stringify({ message }) };
}

export const NO_CONTENT: Answer = { status: 204, body: null };

/** An answer with an error text, and `errors` where the contract has it. */
export function failure(status: number, message: string, errors?: FieldErrors): Answer {
  return { status, body: JSON.stringify({ message, errors }) };
}

/** The answers of container-api.md 2.4 that any endpoint may give. */
export const ANSWERS = {
  malformedJson: failure(400, 'Malformed JSON in the request body.', {}),
  hostNotAllowed: failure(403, 'Host is not allowed.'),
  noResource: failure(404, 'Resource not found.'),
  noStream: failure(404, 'Requested file not provided.'),
  timedOut: failure(408, 'Request timed out.'),
  keyReused: failure(409, 'Idempotency-Key was already used with another request.', {}),
  tooLarge: failure(413, 'Request body is too large.', {}),
  encoding: failure(415, 'Unsupported content encoding.'),
  headerTooLarge: failure(431, 'Request header is too large.'),
  internal: failure(500, 'Internal server error.'),
  invalidFile: failure(500, 'Invalid file.'),
  unreachable: failure(502, 'Host cannot be reached.'),
} as const;

/** 405 with the methods that the route has. */
export function methodNotAllowed(allowed: readonly string[]): Answer {
  return { ...failure(405, 'Method not allowed.'), headers: { Allow: allowed.join(', ') } };
}

/** A wrong path or query parameter. */
export function badRequest(errors: FieldErrors): Refusal {
  return new Refusal(failure(400, 'Bad request.', errors));
}

/** A wrong field of the body, or a state of the run that forbids the call. */
export function invalid(errors: FieldErrors): Refusal {
  return new Refusal(failure(400, 'Validation failed', errors));
}

/** The texts of field errors. */
export const TEXTS = {
  notValid: 'This value is not valid.',
  blank: 'This value should not be blank.',
  notText: 'This value should be of type string.',
  notObject: 'This value should be an object.',
  notContext: 'This value should be of type object.',
  notList: 'This value should be an array of items.',
  notBoolean: 'This value should be true or false.',
  notInteger: 'This value does not have valid integer.',
} as const;
