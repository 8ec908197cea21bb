import { isHttpsUrl } from './http-url.ts';
import { texts } from './texts.ts';
import type { BodyRules, FieldErrors } from './validation.ts';

/** Rules of both bodies; those of `oauth2` that depend on the kind are {@link oauth2Rules}. */
const rules: BodyRules = (given) => ({ ...repeatedNames(given.fields), ...wrongAddresses(given.oauth2) });

function repeatedNames(fields: unknown): FieldErrors {
  const errors: FieldErrors = {};
  const seen = new Set<unknown>();
  for (const [index, field] of (Array.isArray(fields) ? fields : []).entries()) {
    const name: unknown = field?.name;
    if (typeof name === 'string' && seen.has(name)) errors[`fields[${index}].name`] = texts.used;
    seen.add(name);
  }
  return errors;
}

function wrongAddresses(oauth2: unknown): FieldErrors {
  const errors: FieldErrors = {};
  for (const key of ['authorization-url', 'token-url']) {
    const address = (oauth2 as Record<string, unknown> | null | undefined)?.[key];
    if (typeof address === 'string' && address !== '' && !isHttpsUrl(address))
      errors[`oauth2.${key}`] = texts.url;
  }
  return errors;
}

/** Does a client secret say that the stored one stays? `***` is what reading shows in its place. */
export const keepsSecret = (given: unknown): boolean =>
  given === undefined || given === null || given === '' || given === '***';

/**
 * `oauth2` must be there for the kind `oauth2` and for no other.
 *
 * @param secretStored is there a client secret that can stay?
 */
function oauth2Rules(kind: unknown, oauth2: unknown, secretStored: boolean): FieldErrors {
  const given = typeof oauth2 === 'object' && oauth2 !== null;
  if (kind !== 'oauth2') return given && kind === 'fields' ? { oauth2: texts.invalid } : {};
  if (!given) return { oauth2: texts.blank };
  const secret = (oauth2 as Record<string, unknown>)['client-secret'];
  return !secretStored && keepsSecret(secret) ? { 'oauth2.client-secret': texts.blank } : {};
}

export const authenticationCreateRules: BodyRules = (given) => ({
  ...rules(given),
  ...oauth2Rules(given.kind, given.oauth2, false),
});

/** The rules of an update, for an authentication of the kind that is stored. */
export const authenticationUpdateRules =
  (kind: string): BodyRules =>
  (given) => ({ ...rules(given), ...oauth2Rules(kind, given.oauth2, true) });
