import { type operations, texts } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import { violates } from '../database/conflicts.ts';
import { badRequest } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { newId } from '../ids.ts';
import type { RawJson } from '../json.ts';
import { organizationJson } from './store.ts';

/** `POST /organizations` */
export function createOrganization(
  context: Context,
  { body: { name } }: Input<typeof operations.organizationCreate>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const id = newId();
    const limit = context.services.settings.connectorsLimit;
    await work.db
      .insertInto('organizations')
      .values({ id, name, connectors_limit: limit })
      .execute()
      .catch(refuseUsedName);
    await audit(work, {
      action: 'organization_create',
      entity: { type: 'organization', id, name },
      changes: changesBetween({}, { name, 'connectors-limit': limit }),
    });
    return organizationJson(work.db, id);
  });
}

/** @throws 400 at `name` when another organization has it; any other error as it is */
export function refuseUsedName(error: unknown): never {
  throw violates(error, 'organizations_name_key') ? badRequest({ name: texts.used }) : error;
}
