import { type RawBuilder, sql } from 'kysely';
import { secretRegistrationJson } from '../secrets/registrations.ts';

/**
 * The version as the API shows it (3.2 to 3.5), assembled by PostgreSQL. Every fragment reads the row of
 * `connector_versions` under the alias `v`; keys stand in the contract's order, which is why this is `json`, never `jsonb`.
 */

const time = (column: string): RawBuilder<string> => sql`wire_time(${sql.ref(column)})`;

const application = sql`CASE WHEN v.command IS NULL THEN NULL ELSE json_build_object(
  'command', v.command, 'arguments', v.arguments, 'health-check', v.health_check) END`;

export const vcsJson = (withDirectory: boolean): RawBuilder<unknown> => sql`
  CASE WHEN v.vcs_url IS NULL THEN NULL ELSE json_build_object(
    'authorization', v.vcs_authorization, 'url', v.vcs_url, 'branch', v.vcs_branch, 'username', v.vcs_username,
    'deploy-key-public', v.vcs_deploy_key_public, 'latest-commit', v.vcs_latest_commit
    ${withDirectory ? sql`, 'directory', v.vcs_directory` : sql``}) END`;

export const individualsJson: RawBuilder<unknown> = sql`
  (SELECT coalesce(json_agg(json_build_object(
    'command-option', i.command_option, 'field-type', i.field_type, 'field-name', i.field_name,
    'field-required', i.field_required, 'field-placeholder', i.field_placeholder,
    'field-description', i.field_description, 'field-default-value', i.field_default_value,
    'field-config', i.field_config, 'order', i."order",
    'created-at', ${time('i.created_at')}, 'updated-at', ${time('i.updated_at')}
  ) ORDER BY i."order", i.command_option), '[]') FROM individual_configs i WHERE i.version_id = v.id)`;

const authenticationIds = sql`
  (SELECT coalesce(json_agg(a.authentication_id ORDER BY a.place), '[]')
   FROM version_authentications a WHERE a.version_id = v.id)`;

const buckets = sql`
  (SELECT coalesce(json_agg(json_build_object('bucket-id', b.bucket_id, 'type', b.type, 'environment', b.environment)
     ORDER BY b.environment), '[]')
   FROM version_buckets b WHERE b.version_id = v.id)`;

const execution = sql`json_build_object(
  'execution-mode', v.execution_mode, 'container-api-image', v.container_api_default_image,
  'docker-host', v.docker_host,
  'container-api', json_build_object('image', v.container_api_image, 'version-constraint', v.container_api_constraint))`;

/** `config` (3.3), also what `dev_config` and `prod_config` are copies of. */
export const configJson: RawBuilder<unknown> = sql`json_build_object(
  'update-progress', to_json(v.update_progress),
  'secret-registrations', ${secretRegistrationJson(sql.ref('v.id'))},
  'authentication-registrations', ${authenticationIds},
  'authentication-registrations-additional-fields', to_json(v.authentication_fields),
  'application', ${application},
  'vcs', ${vcsJson(false)},
  'docker', json_build_object('image-name', v.image_name, 'image-tag', v.image_tag, 'registry-url', v.registry_url),
  'individuals', ${individualsJson},
  'migration', CASE WHEN v.legacy_executable IS NULL THEN NULL
    ELSE json_build_object('legacy-executable', v.legacy_executable) END,
  'execution', ${execution},
  'export', v.export_config,
  'data-service', v.data_service_config,
  'datasource', v.datasource_config,
  'buckets', ${buckets},
  'feature-flags', to_json(v.feature_flags),
  'container-api-config', v.container_api_config)`;

const devReference = sql`json_build_object(
  'account', v.dev_account, 'project', v.dev_project, 'executable', v.dev_executable,
  'platform-connector', v.dev_platform_connector, 'site', v.dev_site, 'site-processing-cluster', NULL,
  'assigned-to-site', v.dev_assigned_to_site, 'assigned-to-channel', v.dev_assigned_to_channel,
  'assigned-to-channel-site', v.dev_assigned_to_channel_site,
  'assigned-to-channel-site-destination', v.dev_assigned_to_channel_site_destination,
  'runtime', json_build_object('environment', v.dev_runtime_environment, 'version', v.dev_runtime_version))`;

const prodReference = sql`json_build_object(
  'executable', v.prod_executable, 'platform-connector', v.prod_platform_connector,
  'target-accounts', to_json(v.target_accounts), 'target-projects', to_json(v.target_projects),
  'target-sites', to_json(v.target_sites), 'enabled-for-accounts', to_json(v.enabled_for_accounts),
  'enabled-for-projects', to_json(v.enabled_for_projects), 'enabled-for-sites', to_json(v.enabled_for_sites),
  'assigned-to-sites', to_json(v.assigned_to_sites), 'released', v.released, 'version', v.prod_version,
  'runtime', json_build_object('environment', v.prod_runtime_environment, 'version', v.prod_runtime_version))`;

/** `1.0.3` */
const versionNumber: RawBuilder<string> = sql`v.major || '.0.' || v.patch`;

/** Null while none is uploaded. */
export const logoAddress = (publicUrl: string): RawBuilder<string | null> => sql`CASE WHEN v.has_logo
  THEN ${`${publicUrl}/files/connectors/`}::text || v.connector_id || '/' || v.major || '/logo.svg' END`;

/**
 * @param publicUrl base address of the server, for the logo
 * @param deletedAt of the connector: all its versions lie in the bin together
 */
export const versionRepresentation = (
  publicUrl: string,
  deletedAt: RawBuilder<unknown>,
): RawBuilder<unknown> => sql`
  json_build_object(
    'name', v.name, 'description', v.description, 'readme', v.readme, 'version', ${versionNumber},
    'logo', ${logoAddress(publicUrl)},
    'created-at', ${time('v.created_at')}, 'updated-at', ${time('v.updated_at')},
    'deleted-at', wire_time(${deletedAt}), 'state', v.state, 'config', ${configJson},
    'platform_dev_reference', ${devReference}, 'platform_prod_reference', ${prodReference},
    'prod_config', v.prod_config, 'dev_config', v.dev_config)`;
