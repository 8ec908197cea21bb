import { hkdfSync } from 'node:crypto';
import { EncryptJWT, jwtDecrypt } from 'jose';
import type { SigningKeys } from '../oauth/keys.ts';
import type { Pending } from './upstream.ts';

const cookieName = 'slipway_upstream';
/** Time to sign in at the other provider. */
const seconds = 10 * 60;

/** A key for this purpose alone, made of one that signs cookies. */
const keyOf = (cookieKey: string): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', cookieKey, '', 'slipway upstream sign-in', 32));

/**
 * The `Set-Cookie` that remembers a sign-in at the other provider. The browser that began it is the one that may end it;
 * it is encrypted, since whoever has the verifier and the code has the answer.
 */
export async function pendingCookie(
  keys: SigningKeys,
  pending: Pending,
  { path, secure }: { path: string; secure: boolean },
): Promise<string> {
  const value = await new EncryptJWT({ ...pending })
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM' })
    .setExpirationTime(`${seconds}s`)
    .encrypt(keyOf(keys.current().cookie[0] as string));
  return cookie(value, seconds, path, secure);
}

/** The `Set-Cookie` that forgets it. */
export const forgottenCookie = (path: string, secure: boolean): string => cookie('', 0, path, secure);

const cookie = (value: string, maxAge: number, path: string, secure: boolean): string =>
  `${cookieName}=${value}; Path=${path}; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure ? '; Secure' : ''}`;

/** What the browser that sends these cookies began; null when it began nothing, or too long ago. */
export async function readPending(keys: SigningKeys, header: string | undefined): Promise<Pending | null> {
  const value = new RegExp(`(?:^|;\\s*)${cookieName}=([^;]+)`).exec(header ?? '')?.[1];
  if (value === undefined) return null;
  for (const key of keys.current().cookie) {
    const opened = await jwtDecrypt<Pending>(value, keyOf(key), {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: ['A256GCM'],
    }).catch(() => null);
    if (opened) return opened.payload;
  }
  return null;
}
