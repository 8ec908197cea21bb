import { timingSafeEqual } from 'node:crypto';
import { type Role, scopes } from '@slipway/contract';
import Provider, {
  type Client,
  type Configuration,
  interactionPolicy,
  type JWKS,
  type KoaContextWithOIDC,
} from 'oidc-provider';
import { sha256 } from '../../ids.ts';
import { systemContext } from '../../operations/system-context.ts';
import type { Services } from '../../services.ts';
import { hasTemporaryPassword } from '../users.ts';
import { postgresAdapter } from './adapter.ts';
import { apiScopesKey, identityScopes, portalClient } from './clients.ts';
import type { KeySet } from './keys.ts';
import {
  deviceCodePage,
  deviceConfirmPage,
  deviceDonePage,
  failurePage,
  signedOutPage,
  signOutPage,
} from './pages.ts';
import { sendPage } from './send-page.ts';
import { openSignIn, signInSeconds } from './sign-ins.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;
/** A browser session ends after this time without use, and after {@link sessionMost} in any case (product 7). */
const sessionIdle = 12 * hour;
const sessionMost = 7 * day;

/** The OAuth 2.1 and OpenID Connect provider under the keys as they stand now. */
export function createProvider(services: Services, keys: KeySet): Provider {
  const { publicUrl } = services.settings;
  const provider = new Provider(publicUrl, configurationOf(services, keys));
  // Addresses come from the forwarded headers, which the mount sets to the public address (mount.ts).
  provider.proxy = true;
  // Only the hash of a client's secret is stored; it stands where the provider keeps the secret.
  provider.Client.prototype.compareClientSecret = function (this: Client, actual: string) {
    const stored = Buffer.from(this.clientSecret ?? '', 'hex');
    const given = sha256(actual);
    return stored.length === given.length && timingSafeEqual(stored, given);
  } as never;
  provider.on('server_error', (_ctx, error) => services.log.error({ err: error }, 'sign-in failed'));
  return provider;
}

function configurationOf(services: Services, keys: KeySet): Configuration {
  const { publicUrl, corsOrigins } = services.settings;
  const api = {
    audience: publicUrl,
    accessTokenTTL: 15 * minute,
    accessTokenFormat: 'jwt' as const,
    jwt: { sign: { alg: 'ES256' as const } },
  };
  return {
    adapter: postgresAdapter(services.db, publicUrl),
    jwks: { keys: keys.token } as JWKS,
    scopes: identityScopes,
    extraClientMetadata: { properties: [apiScopesKey] },
    discovery: { scopes_supported: [...identityScopes, ...scopes] },
    claims: { openid: ['sub'], profile: ['name'], email: ['email'] },
    // There is no userinfo endpoint (access tokens are for the API), so the ID token tells name and address.
    conformIdTokenClaims: false,
    responseTypes: ['code'],
    clientAuthMethods: ['none', 'client_secret_basic'],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'] },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async (_ctx, token) => token.clientId === portalClient,
    revokeGrantPolicy: () => true,
    clientBasedCORS: (_ctx, origin) => corsOrigins.includes(origin),
    cookies: {
      keys: keys.cookie,
      names: { session: 'slipway_session', interaction: 'slipway_interaction', resume: 'slipway_resume' },
      long: { httpOnly: true, sameSite: 'lax', signed: true, path: '/oauth' },
      short: { httpOnly: true, sameSite: 'lax', signed: true },
    },
    ttl: {
      AccessToken: 15 * minute,
      AuthorizationCode: minute,
      ClientCredentials: 15 * minute,
      DeviceCode: 10 * minute,
      Grant: signInSeconds,
      IdToken: hour,
      Interaction: hour,
      RefreshToken: (_ctx, token) => (token.clientId === portalClient ? sessionIdle : 30 * day),
      Session: (_ctx, session) =>
        Math.max(1, Math.min(sessionIdle, (session.loginTs ?? now()) + sessionMost - now())),
    },
    routes,
    interactions: {
      url: (_ctx, interaction) => `/oauth/interaction/${interaction.uid}`,
      policy: policyOf(services),
    },
    extraTokenClaims: (_ctx, token) => ('grantId' in token && token.grantId ? { sid: token.grantId } : {}),
    findAccount: async (_ctx, id) => {
      const user = await services.db
        .selectFrom('users')
        .select(['name', 'email'])
        .where('id', '=', id)
        .where('status', '=', 'active')
        .executeTakeFirst();
      if (!user) return undefined;
      return { accountId: id, claims: async () => ({ sub: id, name: user.name, email: user.email }) };
    },
    loadExistingGrant: (ctx) => grantOf(services, ctx),
    features: {
      devInteractions: { enabled: false },
      userinfo: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: {
        enabled: true,
        // A client gives back what is its own.
        allowedPolicy: async (_ctx, client, token) => token.clientId === client.clientId,
      },
      deviceFlow: {
        enabled: true,
        charset: 'base-20',
        mask: '****-****',
        userCodeInputSource: (ctx, form, _out, error) => sendPage(ctx, deviceCodePage(form, error)),
        userCodeConfirmSource: (ctx, form, client, _device, code) =>
          sendPage(ctx, deviceConfirmPage(form, nameOf(client), code)),
        successSource: (ctx) => sendPage(ctx, deviceDonePage(nameOf(ctx.oidc.client))),
      },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (ctx, form) =>
          sendPage(
            ctx,
            signOutPage(form, upstreamOf(services, ctx)),
            ctx.oidc.client?.postLogoutRedirectUris ?? [],
          ),
        postLogoutSuccessSource: (ctx) => sendPage(ctx, signedOutPage()),
      },
      resourceIndicators: {
        enabled: true,
        // The API is the only thing that tokens are for.
        defaultResource: () => publicUrl,
        useGrantedResource: () => true,
        getResourceServerInfo: (_ctx, _resource, client) => ({ ...api, scope: apiScopes(client) }),
      },
    },
    renderError: (ctx, out, error) => {
      services.log.debug({ err: error }, 'sign-in refused');
      sendPage(ctx, failurePage(out.error_description ?? out.error));
    },
  };
}

const routes = {
  authorization: '/oauth/auth',
  code_verification: '/oauth/device',
  device_authorization: '/oauth/device/auth',
  end_session: '/oauth/sign-out',
  jwks: '/oauth/jwks',
  revocation: '/oauth/token/revocation',
  token: '/oauth/token',
};

/** Who signed in with a password that was handed over has to choose one of their own, before anything else is asked. */
function policyOf({ db }: Services) {
  const { base, Check, Prompt } = interactionPolicy;
  const policy = base();
  const check = new Check(
    'temporary_password',
    'a password has to be chosen',
    async ({ oidc: { session } }) => {
      if (!session?.accountId || signedInUpstream(session)) return Check.NO_NEED_TO_PROMPT;
      return (await hasTemporaryPassword(db, session.accountId))
        ? Check.REQUEST_PROMPT
        : Check.NO_NEED_TO_PROMPT;
    },
  );
  policy.add(new Prompt({ name: 'password', requestable: false }, check), 1);
  return policy;
}

/** How somebody signed in (RFC 8176 has no word for "elsewhere"). */
export const upstreamMethod = 'fed';
const signedInUpstream = (session: { amr?: string[] | undefined } | undefined): boolean =>
  session?.amr?.includes(upstreamMethod) ?? false;

/** Host of the other provider that the user of this browser signed in at. */
function upstreamOf({ settings }: Services, { oidc }: KoaContextWithOIDC): string | null {
  return settings.oidcIssuer !== null && signedInUpstream(oidc.session)
    ? new URL(settings.oidcIssuer).host
    : null;
}

const now = (): number => Math.floor(Date.now() / 1000);
/** What a client may ask for, separated by blanks. */
const apiScopes = (client: Client): string => String(client.metadata()[apiScopesKey] ?? '');
export const nameOf = (client: Client | undefined): string => client?.clientName ?? 'The application';

/** What was granted before in this browser; the portal is given what it asks for without a question. */
async function grantOf(services: Services, ctx: KoaContextWithOIDC) {
  const { oidc } = ctx;
  const { client, session, params, provider } = oidc;
  if (!client || !session?.accountId) return undefined;
  const granted = oidc.result?.consent?.grantId ?? session.grantIdFor(client.clientId);
  const existing = granted ? await provider.Grant.find(granted) : undefined;
  if (existing || client.clientId !== portalClient) return existing;
  return makeGrant(services, provider, {
    userId: session.accountId,
    client,
    scopes: String(params?.scope ?? ''),
    ip: ctx.ip,
    userAgent: ctx.get('user-agent') || null,
    requestId: ctx.get('x-request-id') || null,
  });
}

export interface Consent {
  userId: string;
  client: Client;
  /** As asked for, separated by blanks. */
  scopes: string;
  ip: string;
  userAgent: string | null;
  requestId: string | null;
}

/** Writes down what a user gives a client; from here on they are signed in there. */
export async function makeGrant(services: Services, provider: Provider, consent: Consent) {
  const { userId, client, ip, userAgent, requestId } = consent;
  const asked = consent.scopes.split(' ').filter(Boolean);
  const grant = new provider.Grant({ accountId: userId, clientId: client.clientId });
  grant.addOIDCScope(asked.filter((scope) => identityScopes.includes(scope)).join(' '));
  const allowed = apiScopes(client).split(' ');
  const given = asked.filter((scope) => allowed.includes(scope));
  if (given.length > 0) grant.addResourceScope(services.settings.publicUrl, given.join(' '));
  const grantId = await grant.save();
  const system = systemContext(services);
  const { name, role } = await services.db
    .selectFrom('users')
    .select((columns) => [columns.fn.coalesce('name', 'email').as('name'), 'role'])
    .where('id', '=', userId)
    .executeTakeFirstOrThrow();
  const actor = { ...system.actor, kind: 'user' as const, id: userId, name, role: role as Role };
  await openSignIn(
    { ...system, actor, ip, requestId },
    { userId, grantId, client: { id: client.clientId, name: nameOf(client) }, ip, userAgent },
  );
  return grant;
}
