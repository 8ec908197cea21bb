import { sql } from 'kysely';
import { configured, type TestConnector } from './connectors.ts';
import { startTestServer, type TestServer, type TestUser } from './server.ts';
import { until } from './wait.ts';

export const digest = `sha256:${'a'.repeat(64)}`;

/** A version that was built, as columns. */
export const built = {
  ...configured,
  state: 'built',
  image_digest: digest,
  image_name: 'slipway/x',
  image_tag: 't',
};

export const inFlightStates = [
  'building',
  'synchronizing-to-dev',
  'resynchronizing-to-dev',
  'synchronizing-to-prod',
  'resynchronizing-to-prod',
];

/** T400 */
export const transitionRefused = (state: string) => [
  400,
  { message: `Transition is not allowed, entity is ${state}.`, errors: [] },
];

/** 400 that names fields. */
export const badRequest = (errors: object) => [400, { message: 'Bad request.', errors }];

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
type Json = any;

/** Short ways to call a connector's version 1.0.0 and to look at what became of it. */
export interface VersionCalls {
  server: TestServer;
  user: TestUser;
  admin: TestUser;
  /** Status and body of a request below the version. */
  call(
    method: string,
    connector: TestConnector,
    path: string,
    body?: object,
    who?: TestUser,
  ): Promise<readonly [number, Json]>;
  show(connector: TestConnector): Promise<Json>;
  stateOf(id: string): Promise<Json>;
  /** Waits for the end of a background operation. */
  settled(id: string): Promise<Json>;
  /** Lines as `<source>: <message>`. */
  logOf(id: string): Promise<string[]>;
  /** Actions of the audit events since the connector was made. */
  auditOf(connector: TestConnector): Promise<string[]>;
}

export async function startVersionCalls(environment: Record<string, string> = {}): Promise<VersionCalls> {
  const server = await startTestServer({ SLIPWAY_ENGINE: 'process', ...environment });
  const user = await server.makeUser();
  const admin = await server.makeUser({ role: 'admin' });
  const read = async (path: string) => (await server.request('GET', path, { token: admin.token })).body.data;
  const stateOf = (id: string) => read(`/states/${id}`);
  return {
    server,
    user,
    admin,
    async call(method, connector, path, body, who = user) {
      const answer = await server.request(method, `/connectors/${connector.id}/versions/1${path}`, {
        token: who.token,
        ...(body ? { body } : {}),
      });
      return [answer.status, answer.body];
    },
    show: async (connector) => (await read(`/connectors/${connector.id}`)).versions[0],
    stateOf,
    settled: (id) =>
      until(async () => {
        const found = await stateOf(id);
        return found.status !== 'pending' && found;
      }),
    logOf: async (id) =>
      (await read(`/states/${id}/logs`)).map(
        (line: { source: string; message: string }) => `${line.source}: ${line.message}`,
      ),
    async auditOf(connector) {
      const { rows } = await sql<{ action: string }>`
        SELECT action FROM audit_events WHERE connector_id = ${connector.id} AND action <> 'connector_create'
        ORDER BY time, id`.execute(server.server.services.db);
      return rows.map(({ action }) => action);
    },
  };
}
