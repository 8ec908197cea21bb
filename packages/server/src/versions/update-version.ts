import { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import type { RawJson } from '../json.ts';
import { auditVersion } from './audit-version.ts';
import { lockVersion, versionJson } from './store.ts';

/** `PATCH /connectors/{publicId}/versions/{connectorVersion}`: what is sent, in every state and in production too. */
export function updateVersion(
  context: Context,
  { subject, body }: Input<typeof operations.connectorVersionUpdate>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const { db, services } = work;
    const row = await lockVersion(db, subject.id);
    const columns = {
      ...(body.name === undefined ? {} : { name: body.name }),
      ...(body.description === undefined ? {} : { description: body.description || null }),
      ...(body.readme === undefined ? {} : { readme: body.readme || null }),
    };
    const changes = changesBetween({ ...row }, columns);
    if (changes.length > 0) {
      await db
        .updateTable('connector_versions')
        .set({ ...columns, updated_at: sql<Date>`now()` })
        .where('id', '=', subject.id)
        .execute();
      await auditVersion(work, operations.connectorVersionUpdate, subject, changes);
    }
    return versionJson(db, services.settings, subject.id);
  });
}
