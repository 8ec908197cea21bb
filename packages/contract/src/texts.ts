/**
 * The texts of chapter 1.6 of the REST contract. Clients compare them, so they are exact: wording, case and
 * punctuation.
 */
export const texts = {
  blank: 'This value should not be blank.',
  unexpected: 'This field was not expected.',
  choice: 'The value you selected is not a valid choice.',
  uuid: 'This is not a valid UUID.',
  positive: 'This value should be greater than 0.',
  positiveList: 'All values must be integers greater than 0.',
  boolean: 'This value should be true or false.',
  invalid: 'This value is not valid.',
  url: 'This value is not a valid URL.',
  email: 'This value is not a valid email address.',
  used: 'This value is already used.',
  nonNegative: 'This value should be greater than or equal to 0.',
  /** `type` is a JSON type: string, integer, number, boolean, array, object. */
  type: (type: string): string => `This value does not have valid ${type}.`,
  tooLong: (characters: number): string =>
    `This value is too long. It should have ${characters} characters or less.`,
  tooShort: (characters: number): string =>
    `This value is too short. It should have ${characters} characters or more.`,
  between: (from: number, to: number): string => `This value should be between ${from} and ${to}.`,
} as const;

/** Sentences that stand in `message`. */
export const messages = {
  badRequest: 'Bad request.',
  malformedJson: 'Malformed JSON in the request body.',
  unauthorized: 'You have to be authorized to access this resource.',
  denied: 'Access denied for user.',
  routeNotFound: 'Resource not found.',
  methodNotAllowed: 'Method not allowed.',
  keyUsed: 'This Idempotency-Key was used with another request.',
  keyInProgress: 'A request with this Idempotency-Key is in progress.',
  changed: 'The resource has changed since it was read.',
  tooManyRequests: 'Too many requests.',
  tooLarge: 'Request body is too large.',
  unsupportedMediaType: 'Content type is not supported.',
  internal: 'Internal server error.',
  unavailable: 'Service unavailable.',
  tooMany: 'Too many requests.',
  list: 'successful operation',
  inProduction: 'The version is in use in production; create a new version to change it.',
  transition: (state: string): string => `Transition is not allowed, entity is ${state}.`,
  wrongType: (type: string): string => `This operation is not available for connectors of type ${type}.`,
} as const;
