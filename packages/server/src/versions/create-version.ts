import { operations, type VersionState } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { nextMajor } from '../connectors/store.ts';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import type { Input } from '../http/route.ts';
import { newId } from '../ids.ts';
import type { RawJson } from '../json.ts';
import { defaultsFor } from '../organizations/ownership.ts';
import { auditVersion } from './audit-version.ts';
import { lockNewest, type VersionRow, versionJson } from './store.ts';
import { stateAfterChange } from './transitions.ts';

/**
 * `POST /connectors/{publicId}/versions`: a copy of the newest version under the next major number. What it was built
 * and deployed as stays behind.
 */
export function createVersion(
  context: Context,
  { subject }: Input<typeof operations.connectorVersionCreate>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const { db, services } = work;
    // Locks the connector first, so that two calls at once copy one after the other.
    const major = await nextMajor(db, subject.id);
    const source = await lockNewest(db, subject.id);
    const { prod } = await defaultsFor(work, { id: subject.ownerId, kind: subject.ownerKind });
    const id = newId();
    await db
      .insertInto('connector_versions')
      .values({
        ...pick(source, copied),
        id,
        connector_id: subject.id,
        major,
        state: stateOfCopy(source),
        ...(await copyCredentials(work, source)),
        target_accounts: prod?.accounts ?? [],
        target_projects: prod?.projects ?? [],
        target_sites: prod?.sites ?? [],
      })
      .execute();
    await copyParts(db, source.id, id);
    await auditVersion(
      work,
      operations.connectorVersionCreate,
      { connectorId: subject.id, major, name: source.name },
      [{ path: 'version', from: null, to: `${major}.0.0` }],
    );
    return versionJson(db, services.settings, id);
  });
}

/** Everything else a new version starts with as every version does. */
const copied = [
  'name',
  'description',
  'readme',
  'has_logo',
  'update_progress',
  'command',
  'arguments',
  'health_check',
  'vcs_authorization',
  'vcs_url',
  'vcs_branch',
  'vcs_username',
  'vcs_directory',
  'vcs_deploy_key_public',
  'authentication_fields',
  'legacy_executable',
  'feature_flags',
  'execution_mode',
  'container_api_default_image',
  'docker_host',
  'container_api_image',
  'container_api_constraint',
  'container_api_config',
  'memory_mb',
  'cpus',
  'timeout_seconds',
  'network',
  'allow_list',
  'export_config',
  'data_service_config',
  'datasource_config',
  'dev_account',
  'dev_project',
  'dev_site',
  'dev_runtime_environment',
  'dev_runtime_version',
  'prod_runtime_environment',
  'prod_runtime_version',
] as const satisfies readonly (keyof VersionRow)[];

/** A copy of a version that nobody has configured is as new as that one. */
function stateOfCopy({ state, update_progress: progress }: VersionRow): VersionState {
  const configured = stateAfterChange(progress);
  return configured === 'updating' && state === 'created' ? 'created' : configured;
}

/** Each version has vault entries of its own, so that deleting one never takes a credential from another. */
async function copyCredentials(
  { db, services: { vault } }: Context & { db: Work },
  { vcs_token: token, vcs_deploy_key: key }: VersionRow,
): Promise<Pick<VersionRow, 'vcs_token' | 'vcs_deploy_key'>> {
  return {
    vcs_token: token && (await vault.put(db, 'vcs-token', await vault.open(db, token))),
    vcs_deploy_key: key && (await vault.put(db, 'deploy-key', await vault.open(db, key))),
  };
}

/** The rows of the configuration that do not stand in the version's own. */
async function copyParts(db: Work, from: string, to: string): Promise<void> {
  const parts: RawBuilder<unknown>[] = [
    sql`INSERT INTO individual_configs (version_id, command_option, field_type, field_name, field_required,
          field_placeholder, field_description, field_default_value, field_config, "order")
        SELECT ${to}::uuid, command_option, field_type, field_name, field_required, field_placeholder,
          field_description, field_default_value, field_config, "order"
        FROM individual_configs WHERE version_id = ${from}`,
    sql`INSERT INTO version_secrets (version_id, place, secret_id)
        SELECT ${to}::uuid, place, secret_id FROM version_secrets WHERE version_id = ${from}`,
    sql`INSERT INTO version_authentications (version_id, place, authentication_id)
        SELECT ${to}::uuid, place, authentication_id FROM version_authentications WHERE version_id = ${from}`,
    sql`INSERT INTO version_buckets (version_id, environment, bucket_id, type)
        SELECT ${to}::uuid, environment, bucket_id, type FROM version_buckets WHERE version_id = ${from}`,
    sql`INSERT INTO version_logos (version_id, svg)
        SELECT ${to}::uuid, svg FROM version_logos WHERE version_id = ${from}`,
  ];
  for (const part of parts) await part.execute(db);
}

const pick = <T extends object, K extends keyof T>(source: T, keys: readonly K[]): Pick<T, K> =>
  Object.fromEntries(keys.map((key) => [key, source[key]])) as Pick<T, K>;
