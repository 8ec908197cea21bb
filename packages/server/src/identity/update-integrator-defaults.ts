import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { defaultsChanges, defaultsColumns, defaultsOf } from '../organizations/default-targets.ts';
import { firstOrganizationOf } from '../organizations/store.ts';
import { lockUser } from './users.ts';

/** `PUT /defaults/integrators/{integratorId}`: for versions the user makes from now on. */
export function updateIntegratorDefaults(
  context: Context,
  { subject, body }: Input<typeof operations.updateIntegratorDefaults>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await lockUser(work.db, subject.id);
    const next = defaultsOf(body);
    const changes = defaultsChanges(row, next);
    if (changes.length > 0) {
      await work.db
        .updateTable('users')
        .set({ ...defaultsColumns(next), updated_at: new Date() })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'update_integrator_defaults',
        entity: { type: 'user', id: subject.id, name: row.email },
        changes,
      });
    }
    return integratorDefaultsJson(work.db, subject.id);
  });
}

/** The representation 3.10. */
async function integratorDefaultsJson(db: Work, userId: string): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT json_build_object(
      'integrator', d.id, 'has-owner', d.owner IS NOT NULL, 'owner', d.owner,
      'dev-defaults', d.dev_defaults, 'prod-defaults', d.prod_defaults)::text AS json
    FROM (SELECT u.*, ${firstOrganizationOf(sql.ref('u.id'))} AS owner FROM users u WHERE u.id = ${userId}) d`.execute(
    db,
  );
  return new RawJson((rows[0] as { json: string }).json);
}
