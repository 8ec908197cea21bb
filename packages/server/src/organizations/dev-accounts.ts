import { sql } from 'kysely';
import type { Context } from '../context.ts';

/** May the caller use this account for development? An admin any, others the one their own or an organization's defaults name. */
export async function mayUseDevAccount({ db, actor }: Context, account: number): Promise<boolean> {
  if (actor.role === 'admin') return true;
  const { rows } = await sql`
    SELECT 1 FROM users u WHERE u.id = ${actor.id} AND (u.dev_defaults->>'account')::integer = ${account}
    UNION ALL
    SELECT 1 FROM organizations o
    WHERE o.id = ANY(${[...actor.organizations]}::uuid[]) AND (o.dev_defaults->>'account')::integer = ${account}
    LIMIT 1`.execute(db);
  return rows.length > 0;
}
