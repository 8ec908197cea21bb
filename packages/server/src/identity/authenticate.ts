import { timingSafeEqual } from 'node:crypto';
import { type Role, roleScopes, type Scope, scopes, uuidPattern } from '@slipway/contract';
import { type CompiledQuery, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import { unauthorized } from '../errors.ts';
import { sha256 } from '../ids.ts';
import type { Services } from '../services.ts';
import type { Actor } from './actor.ts';

const tokenPattern = /^slw_[A-Za-z0-9]{40}$/;

interface Row {
  id: string;
  name: string | null;
  role: Role;
  scopes: Scope[];
  organizations: string[];
  /** What let it in: id of the token, the sign-in or the client. */
  credential: string;
  /** A client acts in the name of its user. */
  client?: boolean;
  signIn?: string;
}

/**
 * The actor of an `Authorization: Bearer <token>` header. A token is accepted in this header only (1.2).
 *
 * @throws 401
 */
export async function authenticate(services: Services, header: string | undefined): Promise<Actor> {
  const token = /^Bearer +(\S+) *$/i.exec(header ?? '')?.[1];
  if (token === undefined) throw unauthorized(header !== undefined);
  const row = isAdminToken(services, token)
    ? await findFirstAdmin(services)
    : tokenPattern.test(token)
      ? await findByToken(services, token)
      : await findByAccessToken(services, token);
  if (!row) throw unauthorized(true);
  const allowed = roleScopes[row.role];
  return {
    kind: row.client ? 'client' : 'user',
    id: row.id,
    name: row.name,
    role: row.role,
    scopes: new Set(row.scopes.filter((scope) => allowed.includes(scope))),
    organizations: row.organizations,
    credential: row.credential,
    ...(row.signIn ? { signIn: row.signIn } : {}),
  };
}

/** `SLIPWAY_ADMIN_TOKEN` exists without a row; hashes are compared, so that neither content nor length leaks by time. */
function isAdminToken({ settings }: Services, token: string): boolean {
  return settings.adminToken !== null && timingSafeEqual(sha256(settings.adminToken), sha256(token));
}

const organizationsOf = sql`
  array(SELECT m.organization_id::text FROM organization_members m WHERE m.user_id = u.id ORDER BY m.place)`;

async function findFirstAdmin({ db }: Services): Promise<Row | undefined> {
  const { rows } = await sql<Row>`
    SELECT u.id, coalesce(u.name, u.email) AS name, u.role, ${[...roleScopes.admin]}::text[] AS scopes,
      ${organizationsOf} AS organizations, 'admin' AS credential
    FROM users u WHERE u.role = 'admin' AND u.status = 'active' ORDER BY u.created_at, u.id LIMIT 1`.execute(
    db,
  );
  return rows[0];
}

// Every request asks this, so it is made once and not for each. Last use is recorded to the minute: it is for people, and
// a write for each request is not.
const byToken = sql<Row & { stale: boolean }>`
  SELECT u.id, coalesce(u.name, u.email) AS name, u.role, t.scopes, ${organizationsOf} AS organizations,
    t.id AS credential, (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute') AS stale
  FROM tokens t JOIN users u ON u.id = t.user_id
  WHERE t.hash = ${Buffer.alloc(0)} AND t.expires_at > now() AND u.status = 'active'`;
const compiled = new WeakMap<Database, CompiledQuery<Row & { stale: boolean }>>();

async function findByToken({ db }: Services, token: string): Promise<Row | undefined> {
  const query = compiled.get(db) ?? byToken.compile(db);
  compiled.set(db, query);
  const { rows } = await db.executeQuery<Row & { stale: boolean }>({ ...query, parameters: [sha256(token)] });
  const row = rows[0];
  if (row?.stale) {
    await sql`
      WITH used AS (UPDATE tokens SET last_used_at = now() WHERE id = ${row.credential})
      UPDATE users SET last_seen_at = now() WHERE id = ${row.id}`.execute(db);
  }
  return row;
}

/**
 * An access token is signed, yet good only while what it was given for is there: the sign-in, or the client itself. What
 * is ended or disabled stops with the next request, not when the token expires.
 */
async function findByAccessToken(services: Services, token: string): Promise<Row | undefined> {
  const claims = await services.signingKeys.verify(token).catch(() => undefined);
  if (!claims) return undefined;
  const { sub, sid, scope, client_id: clientId } = claims;
  const row =
    typeof sid === 'string'
      ? await findBySignIn(services, sid, sub)
      : await findByClient(services, String(clientId), sub);
  const given = typeof scope === 'string' ? scope.split(' ') : [];
  return row && { ...row, scopes: scopes.filter((name) => given.includes(name)) };
}

async function findBySignIn({ db }: Services, sid: string, sub: unknown): Promise<Row | undefined> {
  const { rows } = await sql<Row & { signIn: string; stale: boolean }>`
    SELECT u.id, coalesce(u.name, u.email) AS name, u.role, ${organizationsOf} AS organizations,
      s.id AS "signIn", s.id AS credential, s.last_used_at < now() - interval '1 minute' OR u.last_seen_at IS NULL AS stale
    FROM sign_ins s JOIN users u ON u.id = s.user_id
    WHERE s.grant_id = ${sid} AND s.expires_at > now() AND u.status = 'active'`.execute(db);
  const row = rows[0];
  if (row?.id !== sub) return undefined;
  if (row?.stale) {
    await sql`
      WITH used AS (UPDATE sign_ins SET last_used_at = now() WHERE id = ${row.signIn})
      UPDATE users SET last_seen_at = now() WHERE id = ${row.id}`.execute(db);
  }
  return row;
}

async function findByClient({ db }: Services, clientId: string, sub: unknown): Promise<Row | undefined> {
  if (clientId !== sub || !uuidPattern.test(clientId)) return undefined;
  const { rows } = await sql<Row>`
    SELECT u.id, c.name, u.role, ${organizationsOf} AS organizations, true AS client,
      c.id::text AS credential
    FROM oauth_clients c JOIN users u ON u.id = c.user_id
    WHERE c.id = ${clientId} AND u.status = 'active'`.execute(db);
  return rows[0];
}
