import { createHash, randomBytes } from 'node:crypto';
import { createServer } from 'node:net';
import { hashPassword } from '../../src/identity/passwords.ts';
import { startTestServer, type TestServer, type TestUser } from './server.ts';

/** A server whose public address is the one it listens on, as tokens and pages name it. */
export async function startOAuthServer(environment: Record<string, string> = {}): Promise<TestServer> {
  const port = await freePort();
  return startTestServer({ SLIPWAY_HOST: '127.0.0.1', SLIPWAY_PORT: String(port), ...environment });
}

/** A port that was free a moment ago. */
export const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

export const password = 'correct horse battery';

/** Lets a user sign in with {@link password}, and gives their e-mail address. */
export async function givePassword({ server }: TestServer, user: TestUser): Promise<string> {
  const { email } = await server.services.db
    .updateTable('users')
    .set({ password_hash: await hashPassword(password) })
    .where('id', '=', user.id)
    .returning('email')
    .executeTakeFirstOrThrow();
  return email;
}

/** Proof key of one sign-in (RFC 7636). */
export function proofKey(): { verifier: string; challenge: string } {
  const verifier = randomBytes(32).toString('base64url');
  return { verifier, challenge: createHash('sha256').update(verifier).digest('base64url') };
}

export const callback = 'http://127.0.0.1:47123/callback';

export const authorization = (challenge: string, more: Record<string, string> = {}): string =>
  `/oauth/auth?${new URLSearchParams({
    client_id: 'slipway-cli',
    response_type: 'code',
    redirect_uri: callback,
    scope: 'openid connectors:read runs:read admin',
    state: 'x',
    code_challenge: challenge,
    code_challenge_method: 'S256',
    ...more,
  })}`;

/** As much of a browser as the pages need: cookies by path, redirects, forms. */
export class Visitor {
  readonly #test: TestServer;
  readonly #cookies = new Map<string, { value: string; path: string }>();
  /** Every `Set-Cookie` that was sent. */
  readonly setCookies: string[] = [];

  constructor(test: TestServer) {
    this.#test = test;
  }

  /** Follows redirects on the server; the answer is a page, or a redirect to somewhere else. */
  async visit(
    address: string,
    form?: Record<string, string>,
    headers: Record<string, string> = {},
  ): Promise<{ status: number; headers: Headers; text: string; path: string; location: string | null }> {
    const { publicUrl } = this.#test.server.services.settings;
    const path = address.startsWith(publicUrl) ? address.slice(publicUrl.length) : address;
    const response = await fetch(this.#test.url + path, {
      method: form ? 'POST' : 'GET',
      redirect: 'manual',
      headers: { cookie: this.#cookiesFor(path), ...headers },
      ...(form ? { body: new URLSearchParams(form) } : {}),
    });
    for (const text of response.headers.getSetCookie()) this.#keep(text);
    const location = response.headers.get('location');
    if (location?.startsWith('/') || location?.startsWith(publicUrl)) {
      await response.text();
      return this.visit(location);
    }
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, path, location };
  }

  #keep(text: string): void {
    this.setCookies.push(text);
    const [, name, value, rest] = /^([^=]+)=([^;]*);?(.*)$/.exec(text) ?? [];
    const path = /path=([^;]+)/i.exec(rest ?? '')?.[1] ?? '/';
    if (value === '') this.#cookies.delete(`${name} ${path}`);
    else this.#cookies.set(`${name} ${path}`, { value: value as string, path });
  }

  #cookiesFor(path: string): string {
    return [...this.#cookies]
      .filter(([, cookie]) => path.split('?')[0]?.startsWith(cookie.path))
      .map(([key, cookie]) => `${key.split(' ')[0]}=${cookie.value}`)
      .join('; ');
  }
}

/** The token endpoint: status and body. */
export async function requestToken(
  test: TestServer,
  form: Record<string, string>,
  headers: Record<string, string> = {},
  path = '/oauth/token',
) {
  const response = await fetch(test.url + path, {
    method: 'POST',
    headers,
    body: new URLSearchParams({ client_id: 'slipway-cli', ...form }),
  });
  const text = await response.text();
  // biome-ignore lint/suspicious/noExplicitAny: answers of every shape
  return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as any };
}

/** Signs a user in at the command line's client, and gives the tokens. */
export async function signIn(test: TestServer, email: string, more: Record<string, string> = {}) {
  const visitor = new Visitor(test);
  const { verifier, challenge } = proofKey();
  const page = await visitor.visit(authorization(challenge, more));
  const consent = await visitor.visit(`${page.path}/sign-in`, { email, password });
  const done = await visitor.visit(`${consent.path}/allow`, {});
  const code = new URL(done.location as string).searchParams.get('code') as string;
  const exchange = {
    grant_type: 'authorization_code',
    code,
    redirect_uri: callback,
    code_verifier: verifier,
  };
  const { body } = await requestToken(test, exchange);
  return { visitor, exchange, tokens: body as Record<string, string> };
}
