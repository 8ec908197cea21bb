import type { operations } from '@slipway/contract';
import { connectorRight } from '../connectors/resolver.ts';
import { type Context, inTransaction } from '../context.ts';
import { badRequest, denied, notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import type { Verb } from '../http/route.ts';
import { requireTransition, startAction } from '../operations/transitions.ts';
import { findVersion, type VersionSubject } from '../versions/resolver.ts';
import { lockVersion, type VersionRow } from '../versions/store.ts';
import { insertBuild } from './store.ts';

type TriggerBuild = (typeof operations)['connectorBuildTrigger'];

/** `POST /builds/connectors`: the build waits in the queue, the version is `building` from now on. */
export const triggerBuild: Verb<TriggerBuild> = async (context, { body }) => {
  const version = await addressed(context, body.connector.toLowerCase(), String(body.version ?? 'latest'));
  return inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, version.id);
    refuseMissingSteps(row);
    const transition = requireTransition(row, 'build');
    const branch = row.vcs_branch ?? 'main';
    const commit = body.commit?.toLowerCase() ?? null;
    const id = await startAction(work, {
      name: 'build',
      version,
      config: { commit, vcs: { url: row.vcs_url, branch, token: '***' } },
      queue: 'build',
      transition,
    });
    await insertBuild(work.db, {
      id,
      connectorId: version.connectorId,
      versionId: version.id,
      major: version.major,
      version: version.version,
      branch,
      wantedCommit: commit,
      triggeredBy: work.actor.id,
    });
    await audit(work, {
      action: 'connector_build_trigger',
      entity: {
        type: 'connector-version',
        id: `${version.connectorId}/${version.major}`,
        name: version.name,
      },
      connector: version.connectorId,
      changes: [{ path: 'state', from: transition.from, to: transition.during }],
    });
    return id;
  });
};

/** The body addresses the version here, so that its access is decided here too (`write-403`). */
async function addressed(context: Context, connectorId: string, selector: string): Promise<VersionSubject> {
  const { connector, version } = await findVersion(context, connectorId, selector);
  const right = connectorRight(context.actor, connector.ownerId);
  if (right !== 'write' && right !== 'admin') throw denied();
  if (!version) throw notFound('Connector version');
  return version;
}

/** @throws 400 naming the required steps that are not done */
function refuseMissingSteps(row: VersionRow): void {
  if (row.state !== 'created' && row.state !== 'updating') return;
  const missing: Record<string, string> = {};
  if (!row.update_progress.includes('vcs-config')) missing['vcs-config'] = 'VCS config is missing.';
  if (!row.update_progress.includes('application-config')) {
    missing['application-config'] = 'Application config is missing.';
  }
  throw badRequest(missing);
}
