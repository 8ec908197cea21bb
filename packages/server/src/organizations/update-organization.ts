import type { operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { refuseUsedName } from './create-organization.ts';
import { lockOrganization, organizationJson } from './store.ts';

/** `PATCH /organizations/{organizationId}`: name, limit and notifications, as far as they are sent. */
export function updateOrganization(
  context: Context,
  { subject, body }: Input<typeof operations.organizationUpdate>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await lockOrganization(work.db, subject.id);
    const given = body['notification-config'];
    const notifications = given && {
      destination: given.destination,
      triggers: [...new Set(given.triggers)],
    };
    const before = {
      name: row.name,
      'connectors-limit': row.connectors_limit,
      'notification-config': row.notification_config,
    };
    const after = {
      name: body.name ?? row.name,
      'connectors-limit': body['connectors-limit'] ?? row.connectors_limit,
      'notification-config': notifications === undefined ? row.notification_config : notifications,
    };
    const changes = changesBetween(before, after);
    if (changes.length > 0) {
      await work.db
        .updateTable('organizations')
        .set({
          name: after.name,
          connectors_limit: after['connectors-limit'],
          notification_config: jsonOrNull(after['notification-config']),
          updated_at: new Date(),
        })
        .where('id', '=', subject.id)
        .execute()
        .catch(refuseUsedName);
      await audit(work, {
        action: 'organization_update',
        entity: { type: 'organization', id: subject.id, name: after.name },
        changes,
      });
    }
    return organizationJson(work.db, subject.id);
  });
}

const jsonOrNull = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
