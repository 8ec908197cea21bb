import { messages, type Operation } from '@slipway/contract';
import type { Expected } from './attempt.ts';
import type { Received } from './send.ts';

/**
 * Is the answer one that the contract knows, and the one that the declaration leads to?
 *
 * @returns what is wrong with it, or null
 */
export function faultOf(operation: Operation, expected: Expected, received: Received): string | null {
  const { status, body, text, error } = received;
  if (error !== undefined) return error;
  if (status >= 500) return `${status} ${text.slice(0, 300)}`;
  const told = `${status} ${text.slice(0, 300)}`;
  const form = status < 400 ? faultOfSuccess(operation, status) : faultOfRefusal(status, body);
  if (form !== null) return `${form}: ${told}`;
  switch (expected.kind) {
    case 'granted-or-refused':
      return null;
    case 'refused':
      return status >= 400 ? null : `granted: ${told}`;
    case 'answer':
      return status === expected.status && body?.message === expected.message
        ? null
        : `not ${expected.status} "${expected.message}": ${told}`;
    case 'field':
      return status === 400 && body?.errors?.[expected.key] === expected.text
        ? null
        : `not 400 {${JSON.stringify(expected.key)}: "${expected.text}"}: ${told}`;
  }
}

function faultOfSuccess({ success }: Operation, status: number): string | null {
  if (status === 304) return null;
  const own = 'status' in success ? [success.status, 200, 201] : [];
  const usual = success.envelope === 'background' ? 202 : success.envelope === 'empty' ? 204 : 200;
  return [usual, ...own].includes(status as 200) ? null : 'a success that is not declared';
}

/** The forms of chapter 1.5: which keys, and what stands in them. */
function faultOfRefusal(status: number, body: unknown): string | null {
  const keys = typeof body === 'object' && body !== null ? Object.keys(body).join() : 'nothing';
  const { message, errors } = (body ?? {}) as { message?: unknown; errors?: unknown };
  const listed = keys === 'message,errors' && Array.isArray(errors) && errors.length === 0;
  const alone = keys === 'message';
  switch (status) {
    case 400:
      return (message === messages.badRequest ? keys === 'message,errors' && areTexts(errors) : listed)
        ? null
        : 'not the form of a 400';
    case 401:
      return alone && message === messages.unauthorized ? null : 'not the form of a 401';
    case 403:
      return alone && message === messages.denied ? null : 'not the form of a 403';
    case 404:
      return alone && /^[A-Z].* not found\.$/.test(String(message)) ? null : 'not the form of a 404';
    case 405:
      return alone && message === messages.methodNotAllowed ? null : 'not the form of a 405';
    case 409:
      return listed || alone ? null : 'not the form of a 409';
    case 412:
      return listed && message === messages.changed ? null : 'not the form of a 412';
    case 413:
      return listed && message === messages.tooLarge ? null : 'not the form of a 413';
    case 415:
      return listed && message === messages.unsupportedMediaType ? null : 'not the form of a 415';
    case 429:
      return alone && message === messages.tooManyRequests ? null : 'not the form of a 429';
    default:
      return 'a status that the contract does not know';
  }
}

/** One text at every key, at least one. */
const areTexts = (errors: unknown): boolean =>
  typeof errors === 'object' &&
  errors !== null &&
  !Array.isArray(errors) &&
  Object.keys(errors).length > 0 &&
  Object.values(errors).every((text) => typeof text === 'string' && text !== '');
