import { type BodyOf, type FieldErrors, type operations, texts } from '@slipway/contract';
import { connectorRight } from '../connectors/resolver.ts';
import { type Context, inTransaction, type Work } from '../context.ts';
import { badRequest, notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { newId } from '../ids.ts';
import type { PlatformSite } from '../platform/gateway.ts';
import { type DeployedVersion, findDeployed } from '../versions/deployed.ts';
import { findVersion } from '../versions/resolver.ts';
import { insertRun } from './new-run.ts';
import { copyInput, storeGivenRows } from './run-input.ts';

type Operation = (typeof operations)['runCreate'];
type Body = BodyOf<Operation>;

const gone = badRequest({ 'input.run': 'The input of this run is no longer stored.' });

/** A manual run of `dev_config`: it takes its turn among the processes of the site, and its output stays with the run. */
export const runCreate: Verb<Operation> = async (context, { body }) => {
  const id = newId();
  try {
    return await inTransaction(context, async (work) => {
      const version = await deployedVersion(work, body.connector, String(body.version ?? 'latest'));
      const site = await siteOf(work, version, body.site);
      checkOptions(version, body.values ?? {});
      const stored = await work.services.platform.formValues(work, site.id, version);
      await storeInput(work, id, version, body.input ?? null);
      const processId = await work.services.platform.queueRun(work, site.id);
      await insertRun(work, {
        id,
        version,
        site,
        processId,
        stage: stageOf(version),
        place: await work.services.platform.placeOf(work.db, site.id, version.connectorId),
        values: { ...stored, ...body.values },
        manual: true,
      });
      await audit(work, {
        action: 'run_create',
        entity: { type: 'run', id, name: version.name },
        connector: version.connectorId,
        changes: [{ path: 'site', from: null, to: site.id }],
      });
      return { run: { uuid: id }, 'process-id': processId };
    });
  } catch (error) {
    // Rows that were given lie in the storage already.
    await context.services.storage.remove('runs', id);
    throw error;
  }
};

/** @throws 404 when there is none, 400 when it was not synchronized to dev */
export async function deployedVersion(
  context: Context,
  connectorId: string,
  selector: string,
): Promise<DeployedVersion> {
  const { connector, version } = await findVersion(context, connectorId, selector);
  if (connectorRight(context.actor, connector.ownerId) === 'none') throw notFound('Connector');
  if (!version) throw notFound('Connector version');
  const deployed = await findDeployed(context.db, version.id, 'dev');
  if (!deployed) throw badRequest({ connector: 'Connector must be synchronized to dev.' });
  return deployed;
}

async function siteOf(
  context: Context,
  version: DeployedVersion,
  wanted: number | undefined,
): Promise<PlatformSite> {
  if (wanted !== undefined) return writableSite(context, wanted);
  const site = version.devSite === null ? null : await siteToWrite(context, version.devSite);
  if (!site) throw badRequest({ connector: 'Connector must have dev site assigned.' });
  return site;
}

/** @throws 400 when there is no such site, also for the caller */
export async function writableSite(context: Context, id: number): Promise<PlatformSite> {
  const site = await siteToWrite(context, id);
  if (!site) throw badRequest({ site: 'Site not found.' });
  return site;
}

async function siteToWrite(context: Context, id: number): Promise<PlatformSite | null> {
  const { platform } = context.services;
  const right = isId(id) ? await platform.rightOnSite(context, id) : 'none';
  return right === 'write' || right === 'admin' ? platform.findSite(context.db, id) : null;
}

/** Ids are integers of the database; what it can not hold can be no site. */
const isId = (id: number): boolean => id > 0 && id <= 2_147_483_647;

function checkOptions({ config }: DeployedVersion, values: Readonly<Record<string, string>>): void {
  const known = new Set(
    config.individuals
      .filter((field) => field['field-type'] !== 'authentication_select')
      .map((field) => field['command-option']),
  );
  const errors: FieldErrors = {};
  for (const option of Object.keys(values)) {
    if (!known.has(option)) errors[`values.${option}`] = texts.unexpected;
  }
  if (Object.keys(errors).length > 0) throw badRequest(errors);
}

async function storeInput(
  context: Context & { db: Work },
  id: string,
  version: DeployedVersion,
  input: NonNullable<Body['input']> | null,
): Promise<void> {
  if (input === null) return;
  if ('run' in input) await copyInput(context, input.run.toLowerCase(), id, version.type, gone);
  else await storeGivenRows(context.services, id, version.type, input.rows);
}

/** Where on a site a connector of the type works. */
export function stageOf({ type, config }: DeployedVersion): 'import' | 'intermediate' | 'export' {
  switch (type) {
    case 'datasource':
    case 'download':
    case 'transform':
      return 'import';
    case 'data-service':
      return config['data-service']?.stages[0] ?? 'import';
    default:
      return 'export';
  }
}
