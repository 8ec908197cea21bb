import { sql } from 'kysely';
import { type Context, inTransaction } from '../../context.ts';
import { audit, changesBetween } from '../../events/audit.ts';
import { systemContext } from '../../operations/system-context.ts';
import type { Services } from '../../services.ts';
import { lockUser } from '../users.ts';
import type { UpstreamUser } from './upstream.ts';

/** Why somebody whom the other provider knows is nobody here. */
export type Stranger = 'unverified' | 'unknown' | 'taken';

/**
 * The user behind a subject of the other provider: the one it was linked with, else the active or invited user with
 * its verified e-mail address, who is linked with it from now on; an invitation is accepted by that. No account is made.
 * Who is nobody here stands in the audit trail.
 */
export async function matchUser(
  services: Services,
  who: UpstreamUser,
  request: { ip: string; requestId: string },
): Promise<{ userId: string } | { stranger: Stranger }> {
  const context = { ...systemContext(services), ...request };
  const matched = await inTransaction(context, async (work) => {
    const linked = await work.db
      .selectFrom('user_identities')
      .innerJoin('users', 'users.id', 'user_identities.user_id')
      .select(['users.id', 'users.status'])
      .where('issuer', '=', who.issuer)
      .where('subject', '=', who.subject)
      .executeTakeFirst();
    if (linked) {
      return linked.status === 'active' ? { userId: linked.id } : { stranger: 'unknown' as const };
    }
    if (who.email === null || !who.emailVerified) return { stranger: 'unverified' as const };
    return link(work, { ...who, email: who.email });
  });
  if ('stranger' in matched) {
    await inTransaction(context, (work) =>
      audit(work, {
        action: 'system.sign-in-failed',
        entity: { type: 'user', id: '', name: who.email ?? who.subject },
        changes: [{ path: 'upstream', from: null, to: who.issuer }],
      }),
    );
  }
  return matched;
}

async function link(
  work: Context & { db: Parameters<typeof lockUser>[0] },
  { issuer, subject, email, name }: UpstreamUser & { email: string },
): Promise<{ userId: string } | { stranger: Stranger }> {
  const { rows } = await sql<{ id: string }>`
    SELECT id FROM users WHERE lower(email) = lower(${email})`.execute(work.db);
  if (!rows[0]) return { stranger: 'unknown' };
  const user = await lockUser(work.db, rows[0].id);
  if (user.status === 'disabled') return { stranger: 'unknown' };
  const other = await work.db
    .selectFrom('user_identities')
    .select('subject')
    .where('user_id', '=', user.id)
    .where('issuer', '=', issuer)
    .executeTakeFirst();
  // The address may have gone to another person there: it does not open the account of the first.
  if (other) return other.subject === subject ? { userId: user.id } : { stranger: 'taken' };
  await work.db.insertInto('user_identities').values({ issuer, subject, user_id: user.id }).execute();
  const after = { name: user.name ?? name, status: 'active' as const };
  if (user.status === 'invited') {
    await work.db.deleteFrom('invitations').where('user_id', '=', user.id).execute();
    await work.db
      .updateTable('users')
      .set({ ...after, updated_at: new Date() })
      .where('id', '=', user.id)
      .execute();
  }
  await audit(work, {
    action: 'system.link-sign-in',
    entity: { type: 'user', id: user.id, name: user.email },
    changes: [
      { path: 'upstream', from: null, to: `${issuer} ${subject}` },
      ...(user.status === 'invited' ? changesBetween({ name: user.name, status: user.status }, after) : []),
    ],
  });
  return { userId: user.id };
}
