import { createServer } from 'node:http';
import { exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import Provider, { type JWKS } from 'oidc-provider';
import { afterAll } from 'vitest';
import { freePort, startOAuthServer } from './oauth.ts';
import type { TestServer } from './server.ts';

export interface Person {
  email?: string;
  email_verified?: boolean;
  name?: string;
}

/** An OpenID provider of somebody else, on a port of its own. */
export interface TestUpstream {
  host: string;
  issuer: string;
  /** Who may sign in there: subject → claims. */
  people: Map<string, Person>;
  /** Signs this subject in without a page; null shows one that asks. */
  signsIn: string | null;
  /** How many came so far. */
  requests: number;
  /** Changes the ID token before it is signed, for an answer that must not be believed. */
  forge: ((claims: JWTPayload) => JWTPayload) | null;
  /** Signs forged tokens with a key that nobody published. */
  foreignKey: boolean;
  /** Answers every request with this status and text, as a proxy does in front of what is down. */
  broken: { status: number; text: string } | null;
}

/**
 * A Slipway whose users sign in at another provider: a real one, with keys, codes and tokens, whose sign-in page is a
 * single field.
 *
 * @param claimsInIdToken false: e-mail address and name stand in the userinfo alone
 */
export async function startWithUpstream({
  claimsInIdToken = true,
  secret = 'a secret / with : signs that are escaped & more',
  clientSecret = secret,
  environment = {},
}: {
  claimsInIdToken?: boolean;
  secret?: string;
  clientSecret?: string;
  environment?: Record<string, string>;
} = {}): Promise<{ server: TestServer; upstream: TestUpstream }> {
  const [own, theirs] = [await freePort(), await freePort()];
  const issuer = `http://127.0.0.1:${theirs}`;
  const upstream = await startUpstream(issuer, theirs, {
    claimsInIdToken,
    secret,
    redirectUri: `http://localhost:${own}/oauth/upstream/callback`,
  });
  const server = await startOAuthServer({
    SLIPWAY_PORT: String(own),
    SLIPWAY_OIDC_ISSUER: issuer,
    SLIPWAY_OIDC_CLIENT_ID: 'slipway',
    SLIPWAY_OIDC_CLIENT_SECRET: clientSecret,
    ...environment,
  });
  return { server, upstream };
}

async function startUpstream(
  issuer: string,
  port: number,
  { claimsInIdToken, secret, redirectUri }: { claimsInIdToken: boolean; secret: string; redirectUri: string },
): Promise<TestUpstream> {
  const jwk = await newKey('one');
  const strange = await newKey('one');
  const upstream: TestUpstream = {
    host: `127.0.0.1:${port}`,
    issuer,
    people: new Map(),
    signsIn: null,
    requests: 0,
    forge: null,
    foreignKey: false,
    broken: null,
  };
  const provider = new Provider(issuer, {
    jwks: { keys: [jwk] } as JWKS,
    clients: [{ client_id: 'slipway', client_secret: secret, redirect_uris: [redirectUri] }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: !claimsInIdToken,
    features: { devInteractions: { enabled: false } },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    cookies: { keys: ['a key of the tests'] },
    ttl: { Interaction: 600, Session: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
    findAccount: (_ctx, id) => ({
      accountId: id,
      claims: async () => ({ sub: id, ...upstream.people.get(id) }),
    }),
  });
  provider.use(async (ctx, next) => {
    await next();
    const body = ctx.body as { id_token?: string } | undefined;
    if (ctx.path !== '/token' || !body?.id_token || (!upstream.forge && !upstream.foreignKey)) return;
    const claims = JSON.parse(Buffer.from(body.id_token.split('.')[1] as string, 'base64url').toString());
    const key = await importJWK(upstream.foreignKey ? strange : jwk, 'RS256');
    body.id_token = await new SignJWT(upstream.forge?.(claims) ?? claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'one' })
      .sign(key);
  });
  const callback = provider.callback();
  const listener = createServer(async (request, response) => {
    upstream.requests += 1;
    if (upstream.broken) {
      response.writeHead(upstream.broken.status).end(upstream.broken.text);
      return;
    }
    if (!request.url?.startsWith('/interaction/')) {
      await callback(request, response);
      return;
    }
    const typed = request.method === 'POST' ? new URLSearchParams(await textOf(request)) : null;
    const accountId = typed?.get('user') ?? upstream.signsIn;
    if (typed?.has('cancel')) {
      await provider.interactionFinished(request, response, { error: 'access_denied' });
    } else if (accountId) {
      const grant = new provider.Grant({ accountId, clientId: 'slipway' });
      grant.addOIDCScope('openid email profile');
      const consent = { grantId: await grant.save() };
      await provider.interactionFinished(request, response, { login: { accountId }, consent });
    } else {
      response.setHeader('content-type', 'text/html').end(page);
    }
  });
  await new Promise<void>((resolve) => listener.listen(port, '127.0.0.1', resolve));
  afterAll(() => listener.close());
  return upstream;
}

const page = `<!doctype html><title>Elsewhere</title><link rel="icon" href="data:,"><h1>Elsewhere</h1><form method="post"><label>User <input name="user"></label>
<button>Go on</button><button name="cancel" value="yes">Cancel</button></form>`;

async function newKey(kid: string) {
  const { privateKey } = await generateKeyPair('RS256', { extractable: true });
  return { ...(await exportJWK(privateKey)), kid, alg: 'RS256', use: 'sig' };
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

/**
 * Goes through the pages of the other provider as a browser does that keeps its cookies, until it is sent back.
 *
 * @returns the address that it is sent back to
 */
export async function walkUpstream(upstream: TestUpstream, address: string): Promise<string> {
  const cookies = new Map<string, string>();
  let next = address;
  for (let steps = 0; steps < 10 && next.startsWith(upstream.issuer); steps += 1) {
    const response = await fetch(next, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const text of response.headers.getSetCookie()) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(text) as unknown as [string, string, string];
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (!location) throw new Error(`${next} answered ${response.status}: ${await response.text()}`);
    next = new URL(location, next).href;
  }
  return next;
}
