import { createHash } from 'node:crypto';
import type { KoaContextWithOIDC } from 'oidc-provider';
import { styles } from './styles.ts';

const styleHash = createHash('sha256').update(styles).digest('base64');

/**
 * For whatever the provider answers by itself: to the empty script-src it adds the hash of the script with which it
 * sends its own forms on.
 */
export const strictHeaders: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
  'x-frame-options': 'DENY',
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'same-origin',
};

/** Headers of every page of the sign-in: nothing is loaded, no script runs, nobody frames it. */
export function pageHeaders(redirectsTo: readonly string[] = []): Record<string, string> {
  // Browsers apply form-action to redirects after a form too, so the client's address has to be named.
  const origins = redirectsTo
    .map((uri) => URL.parse(uri)?.origin)
    .filter((origin) => origin && origin !== 'null');
  return {
    ...strictHeaders,
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': [
      "default-src 'none'",
      `style-src 'sha256-${styleHash}'`,
      "img-src 'self' data:",
      `form-action ${["'self'", ...new Set(origins)].join(' ')}`,
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ].join('; '),
  };
}

/** Answers one of the provider's own requests with a page; the status stays as the provider set it. */
export function sendPage(ctx: KoaContextWithOIDC, page: string, redirectsTo: readonly string[] = []): void {
  ctx.body = page;
  ctx.set(pageHeaders(redirectsTo));
}
