/**
 * A bare Fastify with the SQL of `GET /connectors` and `POST /connectors` and nothing else: no token, no checks, no
 * audit trail of its own. The statements are taken from the real verbs while they run once, with fresh ids put in.
 */

import { operations, roleScopes } from '@slipway/contract';
import Fastify, { type FastifyReply } from 'fastify';
import { type CompiledQuery, Kysely, PostgresDialect } from 'kysely';
import { createConnector } from '../../packages/server/src/connectors/create-connector.ts';
import { listConnectors } from '../../packages/server/src/connectors/list-connectors.ts';
import type { Context } from '../../packages/server/src/context.ts';
import { connect } from '../../packages/server/src/database/connect.ts';
import { checkRoleAndScope } from '../../packages/server/src/http/access.ts';
import { rateLimit } from '../../packages/server/src/http/rate-limit.ts';
import type { Input } from '../../packages/server/src/http/route.ts';
import type { Actor } from '../../packages/server/src/identity/actor.ts';
import { authenticate } from '../../packages/server/src/identity/authenticate.ts';
import { newId, sha256 } from '../../packages/server/src/ids.ts';
import type { Services } from '../../packages/server/src/services.ts';
import { parseSettings } from '../../packages/server/src/settings.ts';
import { ready } from './target.ts';

const { settings } = parseSettings(process.env);
// The same pool: its sessions prepare the same statements.
const connection = connect(process.env.SLIPWAY_DATABASE_URL as string);
const { pool } = connection;
const checking = { settings, db: connection.db } as unknown as Services;
const recorded: CompiledQuery[] = [];
const db = new Kysely<never>({
  dialect: new PostgresDialect({ pool }),
  log: ({ query }) => void recorded.push(query),
});

const record = async (work: () => Promise<unknown>): Promise<CompiledQuery[]> => {
  recorded.length = 0;
  await work();
  return recorded.filter(({ sql }) => !/^(begin|commit)$/.test(sql)).map((query) => ({ ...query }));
};

const { rows } = await pool.query<{ id: string }>("SELECT id FROM users WHERE role = 'admin' LIMIT 1");
const actor: Actor = {
  kind: 'user',
  id: rows[0]?.id as string,
  name: 'Bench',
  role: 'admin',
  scopes: new Set(roleScopes.admin),
  organizations: [],
};
const context = {
  actor,
  db,
  services: { settings, db } as unknown as Services,
  requestId: 'bench',
  ip: '127.0.0.1',
} as unknown as Context;
const page = { from: 0, limit: 100, after: null };
const body = { 'connector-type': 'datasource', 'connector-name': 'Bench' } as const;

const listing = await record(() =>
  listConnectors(context, { query: {}, page } as unknown as Input<typeof operations.connectorList>),
);
const creating = await record(() =>
  createConnector(context, { body } as unknown as Input<typeof operations.connectorCreate>),
);

// Somebody who is not known is looked up as everybody is.
const [lookUp] = await record(() =>
  authenticate(context.services, `Bearer slw_${'0'.repeat(40)}`).catch(() => undefined),
);
const short = await record(() =>
  listConnectors(context, {
    query: {},
    page: { ...page, limit: 1 },
  } as unknown as Input<typeof operations.connectorList>),
);

/** Ids of the recorded creation; each is replaced by a new one for every request. */
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const made = new Set(
  creating
    .flatMap(({ parameters }) => parameters)
    .filter((value) => typeof value === 'string' && uuid.test(value) && value !== actor.id),
);

const app = Fastify();
app.get('/connectors', async (_request, reply) => {
  let items: string[] = [];
  for (const { sql, parameters } of listing) {
    const result = await pool.query(sql, [...parameters]);
    if ('item' in (result.rows[0] ?? {})) items = result.rows.map(({ item }) => item);
  }
  return reply.type('application/json').send(`{"data":[${items.join(',')}]}`);
});
/** One row, for the two routes below. */
async function readOne(reply: FastifyReply): Promise<FastifyReply> {
  let items: string[] = [];
  for (const { sql, parameters } of short) {
    const result = await pool.query(sql, [...parameters]);
    if ('item' in (result.rows[0] ?? {})) items = result.rows.map(({ item }) => item);
  }
  return reply.type('application/json').send(`{"data":[${items.join(',')}]}`);
}
// The least a route can do that knows its callers: look one up by the hash of the token.
app.get('/authenticated', async (request, reply) => {
  const token = /^Bearer (\S+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
  const caller = await pool.query(lookUp?.sql as string, [sha256(token)]);
  if (caller.rows.length === 0) return reply.code(401).send();
  return readOne(reply);
});
// The same route with the server's check: token, rate, role and scope.
const limit = rateLimit(Number.MAX_SAFE_INTEGER);
app.get('/checked', async (request, reply) => {
  const caller = await authenticate(checking, request.headers.authorization);
  await limit(caller.credential as string);
  checkRoleAndScope(operations.connectorList, caller, {});
  return readOne(reply);
});
app.post('/connectors', async (_request, reply) => {
  const ids = new Map([...made].map((id) => [id, newId()]));
  const client = await pool.connect();
  let json = '';
  await client.query('BEGIN');
  for (const { sql, parameters } of creating) {
    const result = await client.query(
      sql,
      parameters.map((value) => ids.get(value) ?? value),
    );
    json = result.rows[0]?.json ?? json;
  }
  await client.query('COMMIT');
  client.release();
  return reply.code(201).type('application/json').send(`{"data":${json}}`);
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
ready({ url }, async () => {
  await app.close();
  await db.destroy();
});
