import type { Scope } from '@slipway/contract';
import * as openid from 'openid-client';
import { step } from './oauth-error.ts';
import type { TokenProvider } from './tokens.ts';

export { OAuthError } from './oauth-error.ts';

/** What the server gave. Keep it where only its user can read it. */
export interface TokenSet {
  accessToken: string;
  /** Good once: each renewal answers a new one. Null where there is none. */
  refreshToken: string | null;
  /** When the access token ends, in milliseconds since 1970. */
  expiresAt: number;
}

export interface OAuthOptions {
  /** Address of the server, which is its issuer too: `SLIPWAY_PUBLIC_URL`. */
  url: string;
  clientId: string;
  /** Of confidential clients. */
  clientSecret?: string;
}

/** What a program asks for beside the scopes of the API. */
type AskedScope = Scope | 'openid' | 'offline_access';

/** A sign-in that waits for its user, in a browser on any machine (RFC 8628). */
export interface DeviceSignIn {
  /** Where the user enters {@link userCode}. */
  verificationUri: string;
  userCode: string;
  /** With the code in it, for a link or a QR code; null where the server gives none. */
  verificationUriComplete: string | null;
  /** Seconds until the code is void. */
  expiresIn: number;
  /** Asks, as often as the server allows, until the user has decided. @throws OAuthError when they refuse (`access_denied`) or the time is over (`expired_token`) */
  tokens(options?: { signal?: AbortSignal }): Promise<TokenSet>;
}

/** A sign-in by authorization code that has begun: `verifier` and `state` are kept until the browser comes back. */
export interface CodeSignIn {
  /** Where to send the browser. */
  url: string;
  verifier: string;
  state: string;
}

/** The flows of the server's OAuth provider, for one client of it. Each throws OAuthError or ConnectionError. */
export interface OAuth {
  /** A machine of its own. The scopes have to be named. */
  clientCredentials(scopes: readonly Scope[]): Promise<TokenSet>;
  startDevice(scopes: readonly AskedScope[]): Promise<DeviceSignIn>;
  /** Authorization code with PKCE. Browsers have the needed cryptography on HTTPS and on localhost only. */
  startCode(redirectUri: string, scopes: readonly AskedScope[]): Promise<CodeSignIn>;
  /** @param address the whole address the browser came back with */
  finishCode(address: string, signIn: Pick<CodeSignIn, 'verifier' | 'state'>): Promise<TokenSet>;
  /** Never twice at the same time with the same token: the server takes that for theft, and ends the sign-in. */
  refresh(refreshToken: string): Promise<TokenSet>;
  /** Ends the sign-in that a refresh token belongs to, or an access token. */
  revoke(token: string): Promise<void>;
}

/**
 * Finds the provider's addresses.
 *
 * @throws ConnectionError when the server is out of reach, OAuthError when it is not the issuer it is asked as
 */
export async function connectOAuth({ url, clientId, clientSecret }: OAuthOptions): Promise<OAuth> {
  const issuer = new URL(url);
  const authentication = clientSecret === undefined ? openid.None() : openid.ClientSecretBasic(clientSecret);
  // Whoever gave an address without TLS has decided: the API itself is called there too.
  const insecure = issuer.protocol === 'http:' ? { execute: [openid.allowInsecureRequests] } : {};
  const config = await step(url, () =>
    openid.discovery(issuer, clientId, undefined, authentication, insecure),
  );
  const grant = (work: () => Promise<openid.TokenEndpointResponse>, signal?: AbortSignal) =>
    step(url, async () => tokenSet(await work()), signal);
  return {
    clientCredentials: (scopes) =>
      grant(() => openid.clientCredentialsGrant(config, { scope: scopes.join(' ') })),
    async startDevice(scopes) {
      const scope = scopes.join(' ');
      const started = await step(url, () => openid.initiateDeviceAuthorization(config, { scope }));
      return {
        verificationUri: started.verification_uri,
        userCode: started.user_code,
        verificationUriComplete: started.verification_uri_complete ?? null,
        expiresIn: started.expires_in,
        tokens: (options = {}) =>
          grant(
            () => openid.pollDeviceAuthorizationGrant(config, started, undefined, options),
            options.signal,
          ),
      };
    },
    async startCode(redirectUri, scopes) {
      const verifier = openid.randomPKCECodeVerifier();
      const state = openid.randomState();
      const address = openid.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: scopes.join(' '),
        state,
        code_challenge: await openid.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
      });
      return { url: address.href, verifier, state };
    },
    finishCode: (address, { verifier, state }) =>
      grant(() =>
        openid.authorizationCodeGrant(config, new URL(address), {
          pkceCodeVerifier: verifier,
          expectedState: state,
        }),
      ),
    refresh: (refreshToken) => grant(() => openid.refreshTokenGrant(config, refreshToken)),
    revoke: (token) => step(url, () => openid.tokenRevocation(config, token)),
  };
}

const tokenSet = (answer: openid.TokenEndpointResponse): TokenSet => ({
  accessToken: answer.access_token,
  refreshToken: answer.refresh_token ?? null,
  expiresAt: Date.now() + (answer.expires_in ?? 0) * 1000,
});

/** An access token that ends within this time is renewed first. */
const earlyMs = 30_000;

export interface SessionOptions {
  /** How to get the next tokens: a refresh, or client credentials again. */
  renew: (tokens: TokenSet) => Promise<TokenSet>;
  /** Called with new tokens before they are used, to store them: the refresh token of before is used up. */
  onTokens?: (tokens: TokenSet) => void | Promise<void>;
}

/**
 * Keeps a client signed in: renews the tokens before they end, and when the server refuses one.
 *
 * @example
 * const token = session(tokens, { renew: ({ refreshToken }) => oauth.refresh(refreshToken!), onTokens: store });
 * const client = createClient({ url, token });
 */
export function session(tokens: TokenSet, { renew, onTokens }: SessionOptions): TokenProvider {
  let current = tokens;
  let renewal: Promise<TokenSet> | null = null;
  const renewed = async (): Promise<TokenSet> => {
    const next = await renew(current);
    await onTokens?.(next);
    current = next;
    return next;
  };
  return async (refused) => {
    const due = refused === current.accessToken || current.expiresAt - Date.now() < earlyMs;
    if (due || renewal) {
      // However many ask, a refresh token is used once.
      renewal ??= renewed().finally(() => {
        renewal = null;
      });
      await renewal;
    }
    return current.accessToken;
  };
}
