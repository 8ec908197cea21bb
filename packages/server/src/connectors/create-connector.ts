import type { ConnectorType, ExecutionMode, Flow, operations } from '@slipway/contract';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Input } from '../http/route.ts';
import { newId } from '../ids.ts';
import type { RawJson } from '../json.ts';
import { chooseOwner, defaultsFor, lockConnectorsLimit, type Owner } from '../organizations/ownership.ts';
import { insertVersion } from '../versions/insert-version.ts';
import { connectorJson, connectorRepresentation, countOwned } from './store.ts';

/** `POST /connectors`: the connector with its version 1.0.0 in state `created`. */
export function createConnector(
  context: Context,
  { body }: Input<typeof operations.connectorCreate>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const owner = await chooseOwner(work, body.owner);
    await checkLimit(work.db, owner);
    const { id } = await insertConnector(work, owner, {
      type: body['connector-type'],
      name: body['connector-name'],
      description: emptyToNull(body['connector-description']),
      readme: emptyToNull(body.readme),
      flow: body.flow ?? 'default',
      executionMode: body['execution-mode'] ?? context.services.settings.defaultExecutionMode,
    });
    await audit(work, {
      action: 'connector_create',
      entity: { type: 'connector', id, name: body['connector-name'] },
      connector: id,
      changes: Object.entries(body).map(([path, to]) => ({ path, from: null, to })),
    });
    return connectorJson(work.db, id, connectorRepresentation(context.services.settings));
  });
}

const emptyToNull = (text: string | null | undefined): string | null => text || null;

/**
 * Refuses one connector more than the owner organization may have.
 *
 * @throws 400 `{"connector":"The organization has reached its limit of <n> connectors."}`
 */
export async function checkLimit(db: Work, owner: Owner): Promise<void> {
  const limit = await lockConnectorsLimit(db, owner);
  if (limit !== null && (await countOwned(db, owner.id)) >= limit) {
    throw badRequest({ connector: `The organization has reached its limit of ${limit} connectors.` });
  }
}

export interface NewConnector {
  type: ConnectorType;
  name: string;
  description: string | null;
  readme: string | null;
  flow: Flow;
  executionMode: ExecutionMode;
  /** Of the version, when it has its own. */
  version?: { name: string; description: string | null; readme: string | null };
}

/** The rows of a new connector and its version 1.0.0; references come from the defaults (3.10). */
export async function insertConnector(
  work: Context & { db: Work },
  owner: Owner,
  connector: NewConnector,
): Promise<{ id: string; versionId: string }> {
  const id = newId();
  await work.db
    .insertInto('connectors')
    .values({
      id,
      type: connector.type,
      name: connector.name,
      description: connector.description,
      readme: connector.readme,
      flow: connector.flow,
      owner_id: owner.id,
      owner_kind: owner.kind,
      created_by: work.actor.id,
    })
    .execute();
  const versionId = await insertVersion(work, {
    connectorId: id,
    major: 1,
    type: connector.type,
    executionMode: connector.executionMode,
    defaults: await defaultsFor(work, owner),
    ...(connector.version ?? connector),
  });
  return { id, versionId };
}
