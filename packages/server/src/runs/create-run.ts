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

/** A manual run of `dev_config`: it takes its turn among the processes of the site, and its output stays with the run. */
export const runCreate: Verb<Operation> = async (context, { body }) => {
  const id = newId();
  try {
    return await inTransaction(context, async (work) => {
      const version = await versionOf(work, body);
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

async function versionOf(context: Context, body: Body): Promise<DeployedVersion> {
  const selector = String(body.version ?? 'latest');
  const { connector, version } = await findVersion(context, body.connector, selector);
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
  const { platform } = context.services;
  const id = wanted ?? version.devSite;
  if (id === null) throw badRequest({ connector: 'Connector must have dev site assigned.' });
  const right = isId(id) ? await platform.rightOnSite(context, id) : 'none';
  const site = right === 'write' || right === 'admin' ? await platform.findSite(context.db, id) : null;
  if (!site) {
    throw badRequest(
      wanted === undefined
        ? { connector: 'Connector must have dev site assigned.' }
        : { site: 'Site not found.' },
    );
  }
  return site;
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
  if ('run' in input) await copyInput(context, input.run.toLowerCase(), id, version.type);
  else await storeGivenRows(context.services, id, version.type, input.rows);
}

/** Where on a site a connector of the type works. */
function stageOf({ type, config }: DeployedVersion): 'import' | 'intermediate' | 'export' {
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
