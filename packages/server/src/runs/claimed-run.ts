import type { RunState } from '@slipway/contract';
import type { RunFailure, RunIdentity } from '@slipway/engine';
import { type RawBuilder, sql } from 'kysely';
import { announce } from '../events/signals.ts';
import type { MessageOrigin } from '../platform/gateway.ts';
import type { Services } from '../services.ts';
import type { RunSpec } from './new-run.ts';
import type { RunValue } from './settings-of-run.ts';

/** A run that this worker works on. */
export interface ClaimedRun {
  id: string;
  connectorName: string;
  identity: RunIdentity;
  site: { id: number; name: string };
  project: { id: number; name: string };
  account: { id: number; name: string };
  digest: string;
  spec: RunSpec;
  values: RunValue[];
  sealedValues: string | null;
}

interface Row {
  id: string;
  connector_id: string;
  connector_version: string;
  environment: 'dev' | 'prod';
  stage: RunIdentity['stage'];
  process_id: string;
  site_id: number;
  site_name: string;
  project_id: number;
  project_name: string;
  account_id: number;
  account_name: string;
  image_digest: string;
  spec: RunSpec;
  form_values: RunValue[];
  sealed_values: string | null;
}

/** Makes a queued run `running`, as work of this worker; null when it is not queued any more. */
export async function claimRun({ db, workerId }: Services, id: string): Promise<ClaimedRun | null> {
  const row = await db.transaction().execute(async (work) => {
    const { rows } = await sql<Row>`
      UPDATE runs SET state = 'running', worker_id = ${workerId}, attempts = attempts + 1, started_at = now()
      WHERE id = ${id} AND state = 'queued' RETURNING *`.execute(work);
    await announce(work, id);
    return rows[0] ?? null;
  });
  return row && claimedRun(row);
}

/**
 * Takes over a running run as work of this worker; null when somebody works on it, or it has ended.
 *
 * @param isLost SQL: nobody works on the row
 */
export async function takeOverRun(
  { db, workerId }: Services,
  id: string,
  isLost: RawBuilder<boolean>,
): Promise<ClaimedRun | null> {
  const { rows } = await sql<Row>`
    UPDATE runs SET worker_id = ${workerId}
    WHERE id = ${id} AND state = 'running' AND ${isLost} RETURNING *`.execute(db);
  return rows[0] ? claimedRun(rows[0]) : null;
}

function claimedRun(row: Row): ClaimedRun {
  return {
    id: row.id,
    connectorName: row.spec.connectorName,
    identity: {
      runId: row.id,
      processId: row.process_id,
      siteId: row.site_id,
      connectorId: row.connector_id,
      connectorVersion: row.connector_version,
      environment: row.environment,
      stage: row.stage,
    },
    site: { id: row.site_id, name: row.site_name },
    project: { id: row.project_id, name: row.project_name },
    account: { id: row.account_id, name: row.account_name },
    digest: row.image_digest,
    spec: row.spec,
    values: row.form_values,
    sealedValues: row.sealed_values,
  };
}

/** Whom messages of a run come from. */
export const originOf = ({ id, identity, site, connectorName }: ClaimedRun): MessageOrigin => ({
  site: site.id,
  process: identity.processId,
  run: id,
  source: connectorName,
});

/** How a run ended, as far as its process needs to know. */
export interface RunOutcome {
  state: RunState;
  failure: RunFailure | null;
  rowsOutput: number;
}

export async function outcomeOf({ db }: Services, id: string): Promise<RunOutcome> {
  const row = await db
    .selectFrom('runs')
    .select(['state', 'failure', 'rows_output as rowsOutput'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow(() => new Error(`Run ${id} is gone.`));
  return {
    state: row.state as RunState,
    failure: row.failure as unknown as RunFailure | null,
    rowsOutput: row.rowsOutput ?? 0,
  };
}
