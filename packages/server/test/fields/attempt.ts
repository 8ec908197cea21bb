/** A request that the server grants, as a fixture makes it. */
export interface Base {
  params?: Record<string, string>;
  query?: Record<string, string>;
  body?: Record<string, unknown>;
  /** The file of an upload. */
  file?: string;
  /** Instead of the admin's. */
  token?: string;
  /** Granting it uses up what it is about. */
  once?: true;
}

/** What must come back. `granted-or-refused`: any success, or any refusal of the documented form. */
export type Expected =
  | { kind: 'field'; key: string; text: string }
  | { kind: 'answer'; status: number; message: string }
  | { kind: 'refused' }
  | { kind: 'granted-or-refused' };

/** One request that differs from the valid one in one place. */
export interface Attempt {
  /** `body publicId`, `query limit`, `path siteId`, `header If-Match`, `body`. */
  field: string;
  /** What was sent there. */
  value: string;
  params?: Record<string, string>;
  query?: readonly (readonly [string, string])[];
  headers?: Record<string, string>;
  body?: string | Buffer;
  expected: Expected;
}

/** The declaration does not say which. */
export const either: Expected = { kind: 'granted-or-refused' };
/** Refused, with whatever text. */
export const refused: Expected = { kind: 'refused' };
/** A 400 with this text at this key. */
export const fieldError = (key: string, text: string): Expected => ({ kind: 'field', key, text });
