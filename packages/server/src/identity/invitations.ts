import { randomBytes } from 'node:crypto';
import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { badRequest, notFound } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { Resolver } from '../http/subjects.ts';
import { sha256 } from '../ids.ts';
import type { RawJson } from '../json.ts';
import { joinOrganizations, missingOrganizations } from '../organizations/store.ts';
import { begin, tooMany } from './attempts.ts';
import { hashPassword } from './passwords.ts';
import { createUser, lockUser, userJson } from './users.ts';

const daysToAccept = 30;

export interface InvitationSubject {
  tokenHash: Buffer;
  userId: string;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    invitation: InvitationSubject;
  }
}

/** Tries are limited by address like those to sign in: the token is a permission that could be guessed. */
export const resolveInvitation: Resolver<'invitation'> = async ({ db, ip }, { token }) => {
  const attempt = await begin(db, { ip: ip ?? '', account: null });
  if (attempt.wait > 0) throw tooMany(attempt.wait);
  const tokenHash = sha256(token as string);
  const invitation = await db
    .selectFrom('invitations')
    .select('user_id')
    .where('token_hash', '=', tokenHash)
    .where('expires_at', '>', sql<Date>`now()`)
    .executeTakeFirst();
  if (!invitation) throw notFound('Invitation');
  return { subject: { tokenHash, userId: invitation.user_id }, right: 'write', thing: 'Invitation' };
};

/** `POST /users`: the answer has the one-time address for the new user; only its hash is stored. */
export async function inviteUser(
  context: Context,
  { body }: Input<typeof operations.userInvite>,
): Promise<RawJson> {
  const { settings } = context.services;
  const organizations = [...new Set(body.organizations?.map((id) => id.toLowerCase()) ?? [])];
  const token = randomBytes(32).toString('base64url');
  return inTransaction(context, async (work) => {
    const missing = await missingOrganizations(work.db, organizations);
    const taken = await sql`SELECT 1 FROM users WHERE lower(email) = lower(${body.email})`.execute(work.db);
    const errors = {
      ...(taken.rows.length > 0 ? { email: 'This value is already used.' } : {}),
      ...Object.fromEntries(
        (body.organizations ?? []).flatMap((id, index) =>
          missing.has(id.toLowerCase()) ? [[`organizations[${index}]`, 'Organization not found.']] : [],
        ),
      ),
    };
    if (Object.keys(errors).length > 0) throw badRequest(errors);
    const user = {
      email: body.email,
      name: body.name || null,
      role: body.role ?? ('integrator' as const),
      status: 'invited' as const,
    };
    const id = await createUser(work.db, user).catch(refuseUsedEmail);
    await joinOrganizations(work.db, id, organizations);
    await work.db
      .insertInto('invitations')
      .values({
        token_hash: sha256(token),
        user_id: id,
        expires_at: sql<Date>`now() + make_interval(days => ${daysToAccept})`,
      })
      .execute();
    await audit(work, {
      action: 'user_invite',
      entity: { type: 'user', id, name: user.email },
      changes: changesBetween({}, { ...user, organizations }),
    });
    const url = `${settings.publicUrl}/portal/invite/${token}`;
    return userJson(work.db, id, sql`, 'invitation-url', ${url}::text`);
  });
}

/** Two invitations of one address at once: the index decides. */
function refuseUsedEmail(error: unknown): never {
  if ((error as { constraint?: string }).constraint === 'users_email') {
    throw badRequest({ email: 'This value is already used.' });
  }
  throw error;
}

/** `POST /invitations/{token}`: the new user chooses name and password; the invitation is used up. */
export async function acceptInvitation(
  context: Context,
  { subject, body }: Input<typeof operations.invitationAccept>,
): Promise<RawJson> {
  const hash = await hashPassword(body.password);
  return inTransaction(context, async (work) => {
    const used = await work.db
      .deleteFrom('invitations')
      .where('token_hash', '=', subject.tokenHash)
      .executeTakeFirst();
    if (used.numDeletedRows === 0n) throw notFound('Invitation');
    const user = await lockUser(work.db, subject.userId);
    // Disabled before they ever came: the invitation is worth nothing any more.
    if (user.status !== 'invited') throw notFound('Invitation');
    await work.db
      .updateTable('users')
      .set({ name: body.name, password_hash: hash, status: 'active', updated_at: new Date() })
      .where('id', '=', user.id)
      .execute();
    const actor = { ...context.actor, kind: 'user' as const, id: user.id, name: body.name };
    await audit(
      { ...work, actor },
      {
        action: 'invitation_accept',
        entity: { type: 'user', id: user.id, name: user.email },
        changes: changesBetween(
          { name: user.name, status: user.status },
          { name: body.name, status: 'active' },
        ),
      },
    );
    return userJson(work.db, user.id);
  });
}
