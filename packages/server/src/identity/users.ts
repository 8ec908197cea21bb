import type { Role, userStatuses } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';
import { notFound } from '../errors.ts';
import { newId } from '../ids.ts';
import { RawJson } from '../json.ts';
import { organizationsOfUser } from '../organizations/store.ts';

/**
 * The user as the API shows it (3.15), from the row of `users` under the alias `u`.
 *
 * @param more further keys, behind the others
 */
export const userRepresentation = (
  more: RawBuilder<unknown> = sql``,
): RawBuilder<unknown> => sql`json_build_object(
  'uuid', u.id, 'name', u.name, 'email', u.email, 'role', u.role, 'status', u.status,
  'organizations', ${organizationsOfUser(sql.ref('u.id'))},
  'dev-defaults', u.dev_defaults, 'prod-defaults', u.prod_defaults,
  'last-seen-at', wire_time(u.last_seen_at), 'created-at', wire_time(u.created_at),
  'updated-at', wire_time(u.updated_at) ${more})`;

/** @throws 404 */
export async function userJson(db: Database, id: string, more?: RawBuilder<unknown>): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${userRepresentation(more)})::text AS json FROM users u WHERE u.id = ${id}`.execute(db);
  const json = rows[0]?.json;
  if (json === undefined) throw notFound('User');
  return new RawJson(json);
}

export async function userExists(db: Database, id: string): Promise<boolean> {
  const { rows } = await sql`SELECT 1 FROM users WHERE id = ${id}`.execute(db);
  return rows.length > 0;
}

/** Has the user a password that was handed over, and has to be replaced? */
export async function hasTemporaryPassword(db: Database, id: string): Promise<boolean> {
  const user = await db
    .selectFrom('users')
    .select('password_temporary')
    .where('id', '=', id)
    .executeTakeFirst();
  return user?.password_temporary ?? false;
}

/** The user's row, locked until the transaction ends. @throws 404 */
export const lockUser = (db: Work, id: string) =>
  db
    .selectFrom('users')
    .selectAll()
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => notFound('User'));

export interface NewUser {
  email: string;
  name: string | null;
  role: Role;
  status: (typeof userStatuses)[number];
}

/** Creates a user and gives its id. The e-mail address must be free, in any case of its letters. */
export async function createUser(db: Database, { email, name, role, status }: NewUser): Promise<string> {
  const id = newId();
  await db.insertInto('users').values({ id, email, name, role, status }).execute();
  return id;
}
