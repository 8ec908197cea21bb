import { connectorRight } from '../connectors/resolver.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, notFound } from '../errors.ts';
import { audit, type Change } from '../events/audit.ts';
import { newId } from '../ids.ts';
import type { PlatformSite } from '../platform/gateway.ts';
import { type DeployedVersion, findDeployed } from '../versions/deployed.ts';
import { findVersion } from '../versions/resolver.ts';
import { insertRun } from './new-run.ts';

/** What somebody asks a connector to do, with its input stored already. */
interface Asked {
  version: DeployedVersion;
  site: PlatformSite;
  /** Command option → text, passwords in clear. */
  values: Readonly<Record<string, string>>;
  action: 'run_create' | 'run_replay';
  change: Change;
}

/**
 * Makes a run by hand, which waits for its turn among the processes of the site.
 *
 * @param ask decides what is to run, and stores the input of the run with this id
 * @throws 409 while another process waits
 */
export async function manualRun(
  context: Context,
  ask: (work: Context & { db: Work }, id: string) => Promise<Asked>,
): Promise<{ run: { uuid: string }; 'process-id': string }> {
  const id = newId();
  const { platform, storage } = context.services;
  try {
    return await inTransaction(context, async (work) => {
      const { version, site, values, action, change } = await ask(work, id);
      const processId = await platform.queueRun(work, site.id);
      const place = await platform.placeOf(work.db, site.id, version.connectorId);
      await insertRun(work, {
        id,
        version,
        site,
        processId,
        stage: stageOf(version),
        place,
        values,
        manual: true,
      });
      await audit(work, {
        action,
        entity: { type: 'run', id, name: version.name },
        connector: version.connectorId,
        changes: [change],
      });
      return { run: { uuid: id }, 'process-id': processId };
    });
  } catch (error) {
    // The input lies in the storage already.
    await storage.remove('runs', id);
    throw error;
  }
}

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

/** @throws 400 when there is no such site, also for the caller */
export async function writableSite(context: Context, id: number): Promise<PlatformSite> {
  const site = await siteToWrite(context, id);
  if (!site) throw badRequest({ site: 'Site not found.' });
  return site;
}

export async function siteToWrite(context: Context, id: number): Promise<PlatformSite | null> {
  const { platform } = context.services;
  const right = isId(id) ? await platform.rightOnSite(context, id) : 'none';
  return right === 'write' || right === 'admin' ? platform.findSite(context.db, id) : null;
}

/** Ids are integers of the database; what it can not hold can be no site. */
const isId = (id: number): boolean => id > 0 && id <= 2_147_483_647;

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
