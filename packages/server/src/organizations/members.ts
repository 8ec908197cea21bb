import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { userExists } from '../identity/users.ts';
import type { RawJson } from '../json.ts';
import { lockOrganization, organizationJson } from './store.ts';

/** `PUT /organizations/{organizationId}/members/{memberId}`: the new member comes last; one already there stays. */
export function addMember(
  context: Context,
  { subject, params: { memberId } }: Input<typeof operations.addMemberToOrganization>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const { name } = await lockOrganization(work.db, subject.id);
    if (!(await userExists(work.db, memberId))) throw notFound('User');
    const added = await work.db
      .insertInto('organization_members')
      .values({ organization_id: subject.id, user_id: memberId })
      .onConflict((conflict) => conflict.doNothing())
      .returning('user_id')
      .executeTakeFirst();
    if (added) {
      await audit(work, {
        action: 'add_member_to_organization',
        entity: { type: 'organization', id: subject.id, name },
        changes: [{ path: 'members', from: null, to: memberId }],
      });
    }
    return organizationJson(work.db, subject.id);
  });
}

/** `DELETE /organizations/{organizationId}/members/{memberId}`: one who is no member changes nothing. */
export function removeMember(
  context: Context,
  { subject, params: { memberId } }: Input<typeof operations.removeMemberFromOrganization>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const { name } = await lockOrganization(work.db, subject.id);
    const removed = await work.db
      .deleteFrom('organization_members')
      .where('organization_id', '=', subject.id)
      .where('user_id', '=', memberId)
      .returning('user_id')
      .executeTakeFirst();
    if (removed) {
      await audit(work, {
        action: 'remove_member_from_organization',
        entity: { type: 'organization', id: subject.id, name },
        changes: [{ path: 'members', from: memberId, to: null }],
      });
    }
    return organizationJson(work.db, subject.id);
  });
}
