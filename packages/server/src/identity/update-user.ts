import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { denied, refused } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { lockUser, userJson } from './users.ts';

/** `PATCH /users/{userId}`: an admin changes others, everybody their own name. Nobody changes their own rights. */
export async function updateUser(
  context: Context,
  { subject, body }: Input<typeof operations.userUpdate>,
): Promise<RawJson> {
  const changesRights = body.role !== undefined || body.status !== undefined;
  if (changesRights && subject.id === context.actor.id) throw denied();
  return inTransaction(context, async (work) => {
    const admins = changesRights ? await lockActiveAdmins(work.db) : [];
    const row = await lockUser(work.db, subject.id);
    const before = { name: row.name, role: row.role, status: row.status };
    const after = {
      name: body.name === undefined ? row.name : body.name || null,
      role: body.role ?? row.role,
      status: body.status ?? row.status,
    };
    const staysAdmin = after.role === 'admin' && after.status === 'active';
    if (!staysAdmin && admins.length === 1 && admins[0] === subject.id) {
      throw refused('At least one active admin is needed.');
    }
    const changes = changesBetween(before, after);
    if (changes.length > 0) {
      await work.db
        .updateTable('users')
        .set({ ...after, updated_at: new Date() })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'user_update',
        entity: { type: 'user', id: subject.id, name: row.email },
        changes,
      });
    }
    return userJson(work.db, subject.id);
  });
}

/** Ids of the active admins, locked: two of them can not take each other's rights away at once. */
async function lockActiveAdmins(db: Work): Promise<string[]> {
  const rows = await db
    .selectFrom('users')
    .select('id')
    .where('role', '=', 'admin')
    .where('status', '=', 'active')
    .orderBy('id')
    .forUpdate()
    .execute();
  return rows.map(({ id }) => id);
}
