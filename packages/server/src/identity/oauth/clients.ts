import { scopes, uuidPattern } from '@slipway/contract';
import type { AdapterPayload } from 'oidc-provider';
import type { Database } from '../../database/database.ts';

const refreshable = ['authorization_code', 'refresh_token'];
const deviceGrant = 'urn:ietf:params:oauth:grant-type:device_code';

/** Scopes of OpenID Connect beside those of the API. */
export const identityScopes = ['openid', 'offline_access', 'profile', 'email'];

/** Metadata of a client: the scopes of the API that it may ask for, separated by blanks. */
export const apiScopesKey = 'api_scopes';

/** Clients that come with the product: they are trusted, and public. */
export const portalClient = 'slipway-portal';
const commandLineClient = 'slipway-cli';

interface Client {
  id: string;
  name: string;
  secretHash: string | null;
  redirectUris: string[];
  grantTypes: string[];
  scopes: readonly string[];
  afterSignOut?: string[];
}

const builtIn = (id: string, publicUrl: string): Client | undefined =>
  ({
    [portalClient]: {
      id: portalClient,
      name: 'Slipway portal',
      secretHash: null,
      redirectUris: [`${publicUrl}/portal/sign-in`],
      grantTypes: refreshable,
      scopes,
      afterSignOut: [`${publicUrl}/portal`],
    },
    [commandLineClient]: {
      id: commandLineClient,
      name: 'Slipway command line',
      secretHash: null,
      redirectUris: ['http://127.0.0.1/callback'],
      grantTypes: [...refreshable, deviceGrant],
      scopes,
    },
  })[id];

/** What the provider has to know of a client, or nothing when there is none. */
export async function clientMetadata(
  db: Database,
  id: string,
  publicUrl: string,
): Promise<AdapterPayload | undefined> {
  const client = builtIn(id, publicUrl) ?? (await findClient(db, id));
  if (!client) return undefined;
  const loopback = client.redirectUris.some((uri) => uri.startsWith('http:')) && client.id !== portalClient;
  return {
    client_id: client.id,
    client_name: client.name,
    // A native client takes any port on the loopback address (RFC 8252), and asks for consent every time.
    application_type: loopback ? 'native' : 'web',
    token_endpoint_auth_method: client.secretHash === null ? 'none' : 'client_secret_basic',
    ...(client.secretHash === null ? {} : { client_secret: client.secretHash }),
    redirect_uris: client.redirectUris,
    response_types: client.grantTypes.includes('authorization_code') ? ['code'] : [],
    grant_types: client.grantTypes,
    scope: identityScopes.join(' '),
    [apiScopesKey]: client.scopes.join(' '),
    ...(client.afterSignOut ? { post_logout_redirect_uris: client.afterSignOut } : {}),
  };
}

async function findClient(db: Database, id: string): Promise<Client | undefined> {
  if (!uuidPattern.test(id)) return undefined;
  const row = await db.selectFrom('oauth_clients').selectAll().where('id', '=', id).executeTakeFirst();
  return (
    row && {
      id: row.id,
      name: row.name,
      secretHash: row.secret_hash?.toString('hex') ?? null,
      redirectUris: row.redirect_uris,
      grantTypes: row.grant_types,
      scopes: row.scopes,
    }
  );
}
