import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient } from '@slipway/client';
import { type Role, roleScopes, type Scope } from '@slipway/contract';
import pino, { type Logger } from 'pino';
import { afterAll } from 'vitest';
import { issueToken } from '../../src/identity/tokens.ts';
import { createUser } from '../../src/identity/users.ts';
import { newId } from '../../src/ids.ts';
import { type Server, startServer } from '../../src/server.ts';
import { parseSettings } from '../../src/settings.ts';
import { createTestDatabase } from './database.ts';
import { recordAnswer } from './recording.ts';

export interface TestUser {
  id: string;
  token: string;
}

export interface Answer {
  status: number;
  headers: Headers;
  text: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
  body: any;
}

export interface TestServer {
  server: Server;
  url: string;
  home: string;
  request(
    method: string,
    path: string,
    options?: { token?: string | undefined; body?: unknown; headers?: Record<string, string> },
  ): Promise<Answer>;
  /** The typed client, as a user; where the exact text of an answer counts, {@link request}. */
  client(user: TestUser): Client;
  makeUser(options?: {
    role?: Role;
    scopes?: readonly Scope[];
    organizations?: readonly string[];
  }): Promise<TestUser>;
  makeOrganization(options?: { limit?: number }): Promise<string>;
}

/**
 * A whole server on a database of its own, listening on loopback, gone when the tests of the file are over. Each test
 * makes its own users and organizations.
 *
 * @param environment settings as an operator gives them
 * @param limits tests ask more often than clients may, unless they are about that
 * @param log what the server writes; nothing, or as much as TEST_LOG says
 */
export async function startTestServer(
  environment: Record<string, string> = {},
  limits = { requestsPerMinute: 1_000_000 },
  log: Logger = pino({ level: process.env.TEST_LOG ?? 'silent' }),
): Promise<TestServer> {
  const database = await createTestDatabase();
  const home = await mkdtemp(join(tmpdir(), 'slipway-test-'));
  const { settings } = parseSettings({
    PATH: process.env.PATH ?? '',
    SLIPWAY_HOME: home,
    SLIPWAY_PORT: '0',
    SLIPWAY_DATABASE_URL: database.url,
    SLIPWAY_DEMO: 'false',
    // What is quick everywhere; tests of another engine name it.
    SLIPWAY_ENGINE: 'process',
    ...environment,
  });
  const server = await startServer(settings, log, undefined, limits);
  afterAll(async () => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  });
  const { services, url } = server;
  const { db } = services;
  return {
    server,
    url,
    home,
    async request(method, path, { token, body, headers = {} } = {}) {
      const response = await fetch(url + path, {
        method,
        redirect: 'manual',
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          // A form brings its own type, with the boundary between its parts.
          ...(body === undefined || body instanceof FormData ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined
          ? {}
          : { body: typeof body === 'string' || body instanceof FormData ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
      const answer = isJson && text !== '' ? JSON.parse(text) : undefined;
      recordAnswer(method, path, response.status, answer);
      return { status: response.status, headers: response.headers, text, body: answer };
    },
    // Whatever a test meets is to be seen, not tried again.
    client: ({ token }) => createClient({ url, token, retries: 0 }),
    async makeUser({ role = 'integrator', scopes = roleScopes[role], organizations = [] } = {}) {
      const id = await createUser(db, {
        email: `${newId()}@example.com`,
        name: null,
        role,
        status: 'active',
      });
      for (const organization of organizations) {
        await db
          .insertInto('organization_members')
          .values({ organization_id: organization, user_id: id })
          .execute();
      }
      const { token } = await issueToken(db, id, { name: 'test', scopes, expiresInDays: 1 });
      return { id, token };
    },
    async makeOrganization({ limit = 10 } = {}) {
      const id = newId();
      await db
        .insertInto('organizations')
        .values({ id, name: `Organization ${id}`, connectors_limit: limit })
        .execute();
      return id;
    },
  };
}
