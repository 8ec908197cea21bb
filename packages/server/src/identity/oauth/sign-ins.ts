import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../../context.ts';
import type { Database, Work } from '../../database/database.ts';
import { notFound } from '../../errors.ts';
import { audit } from '../../events/audit.ts';
import type { ListResult } from '../../http/list-result.ts';
import { newestFirst, readPage } from '../../http/paging.ts';
import type { Input } from '../../http/route.ts';
import { newId } from '../../ids.ts';

/** A sign-in lives as long as its grant: what a user has not used again within this time is over. */
export const signInSeconds = 90 * 24 * 3600;

export interface NewSignIn {
  userId: string;
  grantId: string;
  client: { id: string; name: string };
  ip: string | null;
  userAgent: string | null;
}

/** Records that a user is signed in at a client. Access tokens of the grant are good from now on. */
export async function openSignIn(context: Context, signIn: NewSignIn): Promise<void> {
  await inTransaction(context, async (work) => {
    const id = newId();
    await work.db
      .insertInto('sign_ins')
      .values({
        id,
        user_id: signIn.userId,
        grant_id: signIn.grantId,
        client_id: signIn.client.id,
        client_name: signIn.client.name,
        ip: signIn.ip,
        user_agent: signIn.userAgent?.slice(0, 500) ?? null,
        expires_at: sql<Date>`now() + make_interval(secs => ${signInSeconds})`,
      })
      .execute();
    await audit(work, {
      action: 'system.sign-in',
      entity: { type: 'sign-in', id, name: signIn.client.name },
    });
  });
}

/** Ends everything that was given by a grant: its codes, tokens and the sign-in. */
export async function endGrant(db: Database, grantId: string): Promise<void> {
  await sql`
    WITH gone AS (DELETE FROM sign_ins WHERE grant_id = ${grantId})
    DELETE FROM oauth_records WHERE grant_id = ${grantId}`.execute(db);
}

/** Ends everything that was given to a client. */
export async function endClient(db: Work, clientId: string): Promise<void> {
  await sql`
    WITH gone AS (DELETE FROM sign_ins WHERE client_id = ${clientId})
    DELETE FROM oauth_records WHERE client_id = ${clientId}`.execute(db);
}

/** Ends every sign-in of a user, and what browsers remember of them. */
export async function endSignIns(db: Work, userId: string): Promise<void> {
  await sql`
    WITH gone AS (DELETE FROM sign_ins WHERE user_id = ${userId})
    DELETE FROM oauth_records WHERE account_id = ${userId}`.execute(db);
}

/**
 * Ends every sign-in of a user, and every browser session but the one in which they are just signing in. What a
 * sign-in in progress has given so far is a session alone.
 */
export async function endSignInsElsewhere(db: Work, userId: string, session: string): Promise<void> {
  await sql`
    WITH gone AS (DELETE FROM sign_ins WHERE user_id = ${userId})
    DELETE FROM oauth_records
    WHERE account_id = ${userId} AND NOT (model = 'Session' AND uid = ${session})`.execute(db);
}

/** Ends every sign-in of a user but one, and what browsers remember of them. */
export async function endOtherSignIns(db: Work, userId: string, keep: string): Promise<void> {
  await sql`
    WITH kept AS (SELECT grant_id FROM sign_ins WHERE id = ${keep}),
      gone AS (DELETE FROM sign_ins WHERE user_id = ${userId} AND id <> ${keep})
    DELETE FROM oauth_records r WHERE account_id = ${userId}
      AND coalesce(grant_id <> ALL (SELECT k.grant_id FROM kept k),
        NOT ${holdsGrant(sql`(SELECT k.grant_id FROM kept k)`)})`.execute(db);
}

/** Does the browser session `r` hold the grant? */
const holdsGrant = (grantId: ReturnType<typeof sql>) => sql`jsonb_path_exists(
  coalesce(r.payload -> 'authorizations', '{}'::jsonb), '$.*.grantId ? (@ == $grant)',
  jsonb_build_object('grant', ${grantId}))`;

/** `GET /me/sign-ins`: where the caller is signed in. */
export function listSignIns(
  { actor, db }: Context,
  { page }: Input<typeof operations.signInList>,
): Promise<ListResult> {
  return readPage(db, page, {
    table: sql`sign_ins`,
    alias: 's',
    where: sql`s.user_id = ${actor.id} AND s.expires_at > now()`,
    item: sql`json_build_object('id', s.id, 'client', s.client_name, 'ip', s.ip, 'user-agent', s.user_agent,
      'current', s.id IS NOT DISTINCT FROM ${actor.signIn ?? null}::uuid,
      'created-at', wire_time(s.created_at), 'last-used-at', wire_time(s.last_used_at))`,
    order: newestFirst('s'),
  });
}

/** `DELETE /me/sign-ins/{signInId}`: its tokens end at once, and so does the browser session that it came from. */
export async function deleteSignIn(
  context: Context,
  { params: { signInId } }: Input<typeof operations.signInDelete>,
): Promise<void> {
  const { actor } = context;
  await inTransaction(context, async (work) => {
    const signIn = await work.db
      .selectFrom('sign_ins')
      .select(['grant_id', 'client_name'])
      .where('id', '=', signInId)
      .where('user_id', '=', actor.id)
      .forUpdate()
      .executeTakeFirst();
    if (!signIn) throw notFound('Sign-in');
    await endGrant(work.db, signIn.grant_id);
    await sql`
      DELETE FROM oauth_records r WHERE r.account_id = ${actor.id} AND r.model = 'Session'
        AND ${holdsGrant(sql`${signIn.grant_id}::text`)}`.execute(work.db);
    await audit(work, {
      action: 'sign_in_delete',
      entity: { type: 'sign-in', id: signInId, name: signIn.client_name },
    });
  });
}
