import { timingSafeEqual } from 'node:crypto';
import { type Role, roleScopes, type Scope } from '@slipway/contract';
import { sql } from 'kysely';
import type { Actor } from '../context.ts';
import { unauthorized } from '../errors.ts';
import { sha256 } from '../ids.ts';
import type { Services } from '../services.ts';

const tokenPattern = /^slw_[A-Za-z0-9]{40}$/;

interface Row {
  id: string;
  name: string | null;
  role: Role;
  scopes: Scope[];
  organizations: string[];
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
    : await findByToken(services, token);
  if (!row) throw unauthorized(true);
  const allowed = roleScopes[row.role];
  return {
    kind: 'user',
    id: row.id,
    name: row.name,
    role: row.role,
    scopes: new Set(row.scopes.filter((scope) => allowed.includes(scope))),
    organizations: row.organizations,
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
      ${organizationsOf} AS organizations
    FROM users u WHERE u.role = 'admin' AND u.status = 'active' ORDER BY u.created_at, u.id LIMIT 1`.execute(
    db,
  );
  return rows[0];
}

async function findByToken({ db }: Services, token: string): Promise<Row | undefined> {
  if (!tokenPattern.test(token)) return undefined;
  // Last use is recorded to the minute: it is for people, and a write for each request is not.
  const { rows } = await sql<Row & { stale: boolean; token_id: string }>`
    SELECT u.id, coalesce(u.name, u.email) AS name, u.role, t.scopes, ${organizationsOf} AS organizations,
      t.id AS token_id, (t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute') AS stale
    FROM tokens t JOIN users u ON u.id = t.user_id
    WHERE t.hash = ${sha256(token)} AND t.expires_at > now() AND u.status = 'active'`.execute(db);
  const row = rows[0];
  if (row?.stale) {
    await sql`
      WITH used AS (UPDATE tokens SET last_used_at = now() WHERE id = ${row.token_id})
      UPDATE users SET last_seen_at = now() WHERE id = ${row.id}`.execute(db);
  }
  return row;
}
