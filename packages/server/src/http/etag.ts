import { createHash } from 'node:crypto';

/** The strong validator of a representation (RFC 9110 8.8.3): the same text has the same one, any other another. */
export const etagOf = (representation: string): string =>
  `"${createHash('sha256').update(representation).digest('base64url').slice(0, 27)}"`;

const listed = (header: string): string[] => header.match(/\*|(?:W\/)?"[^"]*"/g) ?? [];

/** `If-None-Match` compares weakly (RFC 9110 13.1.2): a validator that a proxy weakened still matches. */
export const noneMatch = (header: string, etag: string): boolean =>
  !listed(header).some((given) => given === '*' || given.replace(/^W\//, '') === etag);

/** `If-Match` compares strongly (RFC 9110 13.1.1). */
export const matches = (header: string, etag: string): boolean =>
  listed(header).some((given) => given === '*' || given === etag);
