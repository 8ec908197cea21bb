import type { operations } from '@slipway/contract';
import { texts } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, refused } from '../errors.ts';
import { audit, type Change, changesBetween } from '../events/audit.ts';
import { writeEntries } from '../events/log-store.ts';
import { Reply, type Verb } from '../http/route.ts';
import { requireTransition, setVersion, startAction } from '../operations/transitions.ts';
import type { VersionSubject } from '../versions/resolver.ts';
import { lockVersion, type VersionRow } from '../versions/store.ts';

type Operations = typeof operations;

const versionMissing = 'Missing connector runtime version for runtime environment bin-docker-wrapper.';

/** `POST …/sync-runtime`: what was built may be executed from now on. */
export const syncRuntime: Verb<Operations['connectorSyncRuntime']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    requireTransition(row, 'sync-runtime');
    const changes = await registerRuntime(work, row);
    await audit(work, { action: 'connector_sync_runtime', ...about(subject), changes });
  });

/** Is what was built what the runtime executes? */
export async function isRegistered(db: Work, row: VersionRow): Promise<boolean> {
  const found = await db
    .selectFrom('runtime_registrations')
    .select('digest')
    .where('version_id', '=', row.id)
    .executeTakeFirst();
  return found !== undefined && found.digest === row.image_digest;
}

/**
 * Registers digest, command, arguments, mode, limits and sidecar constraint with the runtime, or refreshes them.
 *
 * @returns what changed
 * @throws 400 without the runtime version that bin-docker-wrapper needs, or when the engine does not answer
 */
export async function registerRuntime(work: Context & { db: Work }, row: VersionRow): Promise<Change[]> {
  if (lacksVersion(row.dev_runtime_environment, row.dev_runtime_version)) throw refused(versionMissing);
  if (lacksVersion(row.prod_runtime_environment, row.prod_runtime_version)) throw refused(versionMissing);
  await requireEngine(work);
  const { settings } = work.services;
  const registration = {
    digest: row.image_digest ?? '',
    command: row.command ?? '',
    arguments: row.arguments,
    execution_mode: row.execution_mode,
    memory_mb: row.memory_mb ?? settings.runMemoryMb,
    cpus: Number(row.cpus ?? settings.runCpus),
    timeout_seconds: row.timeout_seconds ?? settings.runTimeoutSeconds,
    container_api_constraint: row.container_api_constraint,
  };
  const before = await work.db
    .selectFrom('runtime_registrations')
    .selectAll()
    .where('version_id', '=', row.id)
    .executeTakeFirst();
  await work.db
    .insertInto('runtime_registrations')
    .values({ version_id: row.id, ...registration })
    .onConflict((conflict) =>
      conflict.column('version_id').doUpdateSet({ ...registration, registered_at: sql<Date>`now()` }),
    )
    .execute();
  return changesBetween(before ? { ...before, cpus: Number(before.cpus) } : {}, registration);
}

async function requireEngine({ services }: Context): Promise<void> {
  try {
    await services.engine.check();
  } catch (error) {
    services.log.warn({ err: error }, 'the engine does not answer');
    throw refused('The engine is not reachable');
  }
}

const lacksVersion = (environment: string, version: string | null): boolean =>
  environment === 'bin-docker-wrapper' && version === null;

/** `PUT …/runtime/prod` */
export const updateRuntimeProd: Verb<Operations['connectorUpdateRuntimeProd']> = (
  context,
  { subject, body },
) => updateRuntime(context, subject, body, 'prod');

/** `PUT …/runtime/dev` */
export const updateRuntimeDev: Verb<Operations['connectorUpdateRuntimeDev']> = (context, { subject, body }) =>
  updateRuntime(context, subject, body, 'dev');

interface RuntimeBody {
  environment: 'cre' | 'bin-docker-wrapper';
  version?: string | null;
}

const semver =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?$/;

/** Once a runtime has a version, only that changes; the environment that is sent is left aside. */
function updateRuntime(
  context: Context,
  subject: VersionSubject,
  body: RuntimeBody,
  side: 'dev' | 'prod',
): Promise<Reply> {
  return inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    const from = {
      environment: row[`${side}_runtime_environment`],
      version: row[`${side}_runtime_version`],
    };
    const environment = from.version === null ? body.environment : from.environment;
    const version = environment === 'cre' ? null : requireRuntimeVersion(body.version);
    const changes = changesBetween(from, { environment, version });
    if (changes.length > 0) {
      await setVersion(work.db, subject.id, {
        [`${side}_runtime_environment`]: environment,
        [`${side}_runtime_version`]: version,
      });
      if (version !== null) await recordWrapperVersion(work, subject, side, version);
      await audit(work, {
        action: `connector_update_runtime_${side}`,
        ...about(subject),
        changes: changes.map((change) => ({
          ...change,
          path: `platform_${side}_reference.runtime.${change.path}`,
        })),
      });
    }
    return new Reply(undefined, {
      message: `Successfully updated connector ${side} runtime for version ${subject.version}.`,
    });
  });
}

/** @throws 400 when it is missing, or no version number */
function requireRuntimeVersion(version: string | null | undefined): string {
  if (!version) throw refused(versionMissing);
  if (!semver.test(version)) throw badRequest({ version: texts.invalid });
  return version;
}

/** The state `update_to_docker_wrapper_version`, which is done within the request (3.6). */
async function recordWrapperVersion(
  work: Context & { db: Work },
  subject: VersionSubject,
  side: 'dev' | 'prod',
  version: string,
): Promise<void> {
  const id = await startAction(work, {
    name: 'update_to_docker_wrapper_version',
    version: subject,
    done: { environment: side, version },
  });
  const message = `The ${side} runtime is bin-docker-wrapper ${version}.`;
  await writeEntries(work.db, work.services.settings.timeZone, id, [
    { level: 'info', source: 'runtime', message },
  ]);
}

const about = (subject: VersionSubject) => ({
  entity: {
    type: 'connector-version',
    id: `${subject.connectorId}/${subject.major}`,
    name: subject.name,
  },
  connector: subject.connectorId,
});
