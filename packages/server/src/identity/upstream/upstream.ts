import { EgressPolicy } from '@slipway/engine';
import {
  AuthorizationResponseError,
  allowInsecureRequests,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  type ClientAuth,
  ClientError,
  ClientSecretBasic,
  ClientSecretPost,
  type Configuration,
  calculatePKCECodeChallenge,
  customFetch,
  discovery,
  enableNonRepudiationChecks,
  fetchUserInfo,
  ResponseBodyError,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
  WWWAuthenticateChallengeError,
} from 'openid-client';
import { isLoopback, outgoingFetch } from '../../http/outgoing.ts';
import type { Services } from '../../services.ts';

/** Seconds for each request to the provider. */
const answerWithin = 10;
/** Its keys are looked up anew by themselves, its addresses after this time. */
const addressesForMs = 60 * 60 * 1000;

/** Who signed in at the other provider, as it vouches for them. */
export interface UpstreamUser {
  issuer: string;
  subject: string;
  email: string | null;
  emailVerified: boolean;
  name: string | null;
}

/** What one sign-in has to remember until the browser comes back. */
export interface Pending {
  state: string;
  nonce: string;
  verifier: string;
}

/**
 * Why a sign-in at the other provider came to nothing: it can not be reached or is no provider (`unreachable`), it said
 * no (`refused`, `cancelled`), or what it said does not hold (`unverified`). The cause is for the server's log.
 */
export class UpstreamError extends Error {
  override readonly name = 'UpstreamError';
  readonly problem: 'unreachable' | 'refused' | 'cancelled' | 'unverified';

  constructor(problem: UpstreamError['problem'], cause: unknown) {
    super(`The sign-in at the other provider failed (${problem}).`, { cause });
    this.problem = problem;
  }
}

/** Another OpenID Connect provider that signs users in (`SLIPWAY_OIDC_ISSUER`). */
export interface Upstream {
  /** Its host, as people know it. */
  host: string;
  /** Begins a sign-in: where to send the browser, and what to remember. @throws {UpstreamError} */
  begin(options: BeginOptions): Promise<{ url: string; pending: Pending }>;
  /** Ends it with the query that the browser came back with. @throws {UpstreamError} */
  finish(query: URLSearchParams, pending: Pending): Promise<UpstreamUser>;
}

interface BeginOptions {
  /** Stands before the random part of the state, so that who comes back finds their way. */
  statePrefix: string;
  loginHint: string | null;
  /** Ask for the password even of who has a session there. */
  again: boolean;
}

/** Where the other provider sends the browser back to; registered there. */
export const upstreamCallback = '/oauth/upstream/callback';

/** The provider that the settings name, or null. Nothing is asked of it before somebody signs in. */
export function openUpstream(services: Services): Upstream | null {
  const { oidcIssuer, oidcClientId, oidcClientSecret, publicUrl } = services.settings;
  if (oidcIssuer === null || oidcClientId === null || oidcClientSecret === null) return null;
  const issuer = new URL(oidcIssuer);
  const redirectUri = publicUrl + upstreamCallback;
  let known: { configuration: Promise<Configuration>; until: number } | undefined;

  const configuration = (): Promise<Configuration> => {
    if (known && known.until > Date.now()) return known.configuration;
    const asked = discover(services, issuer, oidcClientId, oidcClientSecret);
    known = { configuration: asked, until: Date.now() + addressesForMs };
    // A provider that is down now may be up with the next try.
    asked.catch(() => {
      known = undefined;
    });
    return asked;
  };

  return {
    host: issuer.host,
    async begin({ statePrefix, loginHint, again }) {
      const config = await configuration().catch(explain);
      const pending: Pending = {
        state: `${statePrefix}.${randomState()}`,
        nonce: randomNonce(),
        verifier: randomPKCECodeVerifier(),
      };
      const url = buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope: 'openid email profile',
        state: pending.state,
        nonce: pending.nonce,
        code_challenge: await calculatePKCECodeChallenge(pending.verifier),
        code_challenge_method: 'S256',
        ...(loginHint === null ? {} : { login_hint: loginHint }),
        ...(again ? { prompt: 'login' } : {}),
      });
      return { url: url.href, pending };
    },
    async finish(query, { state, nonce, verifier }) {
      try {
        const config = await configuration();
        const tokens = await authorizationCodeGrant(config, new URL(`${redirectUri}?${query}`), {
          expectedState: state,
          expectedNonce: nonce,
          pkceCodeVerifier: verifier,
          idTokenExpected: true,
        });
        const claims = tokens.claims() as Claims;
        const { userinfo_endpoint: more } = config.serverMetadata();
        // Providers may tell the address only there (OpenID Connect Core 5.4).
        const told =
          claims.email === undefined && more !== undefined
            ? await fetchUserInfo(config, tokens.access_token, claims.sub)
            : claims;
        return userOf(config.serverMetadata().issuer, claims.sub, told);
      } catch (error) {
        return explain(error);
      }
    },
  };
}

interface Claims {
  sub: string;
  email?: unknown;
  email_verified?: unknown;
  name?: unknown;
}

const longest = 255;
const textOf = (value: unknown): string | null =>
  typeof value === 'string' && value.trim() !== '' && value.length <= longest ? value.trim() : null;

function userOf(
  issuer: string,
  subject: string,
  { email, email_verified, name }: Omit<Claims, 'sub'>,
): UpstreamUser {
  // OpenID Connect Core 2: a subject has at most 255 characters.
  if (subject.length > longest) throw new UpstreamError('unverified', new Error('The subject is too long.'));
  return {
    issuer,
    subject,
    email: textOf(email),
    // Some providers write it as text.
    emailVerified: email_verified === true || email_verified === 'true',
    name: textOf(name),
  };
}

/** Reads what the provider says of itself. Its addresses have to keep to the rules for outgoing connections. */
async function discover(
  services: Services,
  issuer: URL,
  clientId: string,
  clientSecret: string,
): Promise<Configuration> {
  const { egressDeny } = services.settings;
  // An operator who names this machine means it; no answer of a provider may lead there otherwise.
  const onThisMachine = isLoopback(issuer.hostname)
    ? new EgressPolicy({ deny: egressDeny, allowLoopback: true })
    : null;
  const policyFor = ({ origin }: URL): EgressPolicy =>
    (origin === issuer.origin ? onThisMachine : null) ?? services.git.settings.egress;
  return discovery(issuer, clientId, undefined, secretOf(clientSecret), {
    [customFetch]: outgoingFetch(policyFor),
    timeout: answerWithin,
    // The settings let plain HTTP through on this machine alone.
    execute: [enableNonRepudiationChecks, ...(issuer.protocol === 'http:' ? [allowInsecureRequests] : [])],
  });
}

/** Shows the client's secret in the way that the provider takes; one that names none takes Basic (RFC 8414). */
function secretOf(secret: string): ClientAuth {
  const [basic, post] = [ClientSecretBasic(secret), ClientSecretPost(secret)];
  return (provider, ...request) => {
    const methods = provider.token_endpoint_auth_methods_supported ?? ['client_secret_basic'];
    const inBody = methods.includes('client_secret_post') && !methods.includes('client_secret_basic');
    return (inBody ? post : basic)(provider, ...request);
  };
}

/** Codes of the library for answers that are no answers of a provider, or do not come. */
const noAnswer = [
  undefined,
  'OAUTH_TIMEOUT',
  'OAUTH_ABORT',
  'OAUTH_RESPONSE_IS_NOT_CONFORM',
  'OAUTH_RESPONSE_IS_NOT_JSON',
  'OAUTH_PARSE_ERROR',
];

function explain(error: unknown): never {
  if (error instanceof UpstreamError) throw error;
  if (error instanceof AuthorizationResponseError) {
    throw new UpstreamError(error.error === 'access_denied' ? 'cancelled' : 'refused', error);
  }
  if (error instanceof ResponseBodyError || error instanceof WWWAuthenticateChallengeError) {
    throw new UpstreamError('refused', error);
  }
  const silent = !(error instanceof ClientError) || noAnswer.includes(error.code);
  throw new UpstreamError(silent ? 'unreachable' : 'unverified', error);
}
