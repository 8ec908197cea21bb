import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { newId } from '../ids.ts';
import type { PlatformSite } from '../platform/gateway.ts';
import type { DeployedConfig, DeployedLimits, DeployedVersion } from '../versions/deployed.ts';
import { readsInput } from './run-input.ts';
import { type RunValue, runValues, shownValues } from './settings-of-run.ts';

/** What a run is, frozen when it is made: changes of the version or of a form count from the next run on. */
export interface RunSpec {
  connectorName: string;
  type: DeployedVersion['type'];
  command: string;
  arguments: string | null;
  mode: DeployedConfig['execution']['execution-mode'];
  limits: { memoryMb: number; cpus: number; timeoutSeconds: number };
  network: DeployedLimits['network'];
  allowList: string[];
  /** Image of the Container API that the version asks for; null: the engine's own. */
  containerApiImage: string | null;
  /** Command options in the order of the form. */
  options: string[];
  /** Paths of the secrets that are registered. */
  secrets: string[];
  bucket: string | null;
  /** Where on the site it is used: whose checkpoints it has. */
  place: string;
  containerApiConfig: DeployedConfig['container-api-config'];
}

export interface NewRun {
  version: DeployedVersion;
  site: PlatformSite;
  processId: string;
  stage: 'import' | 'intermediate' | 'export';
  /** Part of the site that uses the connector, see {@link RunSpec.place}. */
  place: string;
  /** Form values of the site, the overriding ones of this run among them; passwords in clear. */
  values: Readonly<Record<string, string>>;
  /** Asked for by hand: the site does not take its output over. */
  manual: boolean;
  /** Id that was chosen before, because the run's input is stored already. */
  id?: string;
}

/**
 * Makes a run in the state `queued`, in the caller's transaction. Password values are sealed.
 *
 * @returns its id
 * @throws when the version has no command; it can not have been synchronized without one
 */
export async function insertRun(context: Context & { db: Work }, run: NewRun): Promise<string> {
  const { db, services, actor } = context;
  const { version, site } = run;
  const id = run.id ?? newId();
  const values = runValues(version.config, run.values);
  const spec = specOf(context, run, values);
  const shown = shownValues(values);
  await db
    .insertInto('runs')
    .values({
      id,
      connector_id: version.connectorId,
      version_id: version.id,
      major: version.major,
      connector_version: version.version,
      state: 'queued',
      environment: version.environment,
      stage: run.stage,
      process_id: run.processId,
      site_id: site.id,
      site_name: site.name,
      project_id: site.projectId,
      project_name: site.projectName,
      account_id: site.accountId,
      account_name: site.accountName,
      // Where sidecars live in the server's process there is no image.
      container_api_image:
        services.engine.sidecarImage && (spec.containerApiImage ?? services.engine.sidecarImage),
      container_api_constraint: version.config.execution['container-api']['version-constraint'],
      registered_secrets: spec.secrets.length === 0 ? null : JSON.stringify(spec.secrets),
      setup_config: shown === null ? null : JSON.stringify(shown),
      manual: run.manual,
      spec: JSON.stringify(spec),
      form_values: JSON.stringify(values.filter(({ secret }) => !secret)),
      sealed_values: await seal(context, values),
      engine: services.engine.name,
      commit: version.config.vcs?.['latest-commit'] ?? null,
      image_digest: version.digest,
      input_available: readsInput(version.type),
      triggered_by: actor.kind === 'system' ? null : actor.id,
    })
    .execute();
  return id;
}

async function seal(
  { db, services }: Context & { db: Work },
  values: readonly RunValue[],
): Promise<string | null> {
  const secrets = values.filter(({ secret }) => secret);
  return secrets.length === 0 ? null : services.vault.put(db, 'run-values', JSON.stringify(secrets));
}

function specOf(
  { services: { settings } }: Context,
  { version, place }: NewRun,
  values: readonly RunValue[],
): RunSpec {
  const { application, execution, buckets } = version.config;
  if (!application) throw new Error(`Version ${version.id} was synchronized without a command.`);
  const { limits } = version;
  return {
    connectorName: version.connectorName,
    type: version.type,
    command: application.command,
    arguments: application.arguments,
    mode: execution['execution-mode'],
    limits: {
      memoryMb: limits.memoryMb ?? settings.runMemoryMb,
      cpus: limits.cpus ?? settings.runCpus,
      timeoutSeconds: limits.timeoutSeconds ?? settings.runTimeoutSeconds,
    },
    containerApiImage: execution['container-api'].image,
    network: limits.network,
    allowList: limits.allowList,
    options: values.map(({ name }) => name),
    secrets: version.config['secret-registrations'].map((secret) => secret.vault_secret),
    bucket: buckets.find((link) => link.environment === version.environment)?.['bucket-id'] ?? null,
    place,
    containerApiConfig: version.config['container-api-config'],
  };
}
