import type { ConnectorType, FieldType, Flow } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';

/** What a run reads of the copied configuration (3.3). */
export interface DeployedConfig {
  application: { command: string; arguments: string | null } | null;
  vcs: { 'latest-commit': string | null } | null;
  'secret-registrations': { vault_secret: string; ini_header: string }[];
  'authentication-registrations': number[];
  individuals: IndividualField[];
  execution: {
    'execution-mode': 'as-env-variables' | 'as-command-options';
    'container-api': { image: string | null; 'version-constraint': string };
  };
  'data-service': { stages: ('import' | 'intermediate')[] } | null;
  buckets: { 'bucket-id': string; environment: 'dev' | 'prod' }[];
  'container-api-config': { 'batch-size-max'?: number; separator?: string; 'show-hidden'?: boolean } | null;
}

/** The parts of a form field (3.3.4) that a value is checked and passed by. */
export interface IndividualField {
  'command-option': string;
  'field-type': FieldType;
  'field-required': boolean;
  'field-default-value': string | null;
  'field-config': string | null;
  order: number;
}

/** What a run may use, frozen with the copy. Null where the version asks for nothing: the server's defaults hold. */
export interface DeployedLimits {
  memoryMb: number | null;
  cpus: number | null;
  timeoutSeconds: number | null;
  network: 'open' | 'none' | 'allow-list';
  allowList: string[];
}

/** {@link DeployedLimits} of the version itself, under the alias `v`: what the next copy gets. */
export const ownLimitsJson: RawBuilder<unknown> = sql`json_build_object('memoryMb', v.memory_mb, 'cpus', v.cpus,
  'timeoutSeconds', v.timeout_seconds, 'network', v.network, 'allowList', to_json(v.allow_list))`;

/** A version as sites run it: the copy of its configuration and the digest that was synchronized with it. */
export interface DeployedVersion {
  id: string;
  connectorId: string;
  connectorName: string;
  name: string;
  type: ConnectorType;
  flow: Flow;
  major: number;
  /** `1.0.0` */
  version: string;
  environment: 'dev' | 'prod';
  config: DeployedConfig;
  digest: string;
  limits: DeployedLimits;
  /** Dev site of the version. */
  devSite: number | null;
  /** Offered to everybody, or opened to these accounts, projects and sites. */
  access: { released: boolean; accounts: number[]; projects: number[]; sites: number[] };
}

/** Null where it is not deployed, or lies in the bin. */
export const findDeployed = (
  db: Database,
  versionId: string,
  environment: 'dev' | 'prod',
): Promise<DeployedVersion | null> => find(db, sql`v.id = ${versionId}`, sql`${environment}::text`);

/**
 * The version as a site runs it: `dev_config` on the version's own dev site, `prod_config` everywhere else (6.1).
 * Whether the site may use it is not asked here.
 */
export const findDeployedOnSite = (
  db: Database,
  connectorId: string,
  major: number,
  site: number,
): Promise<DeployedVersion | null> =>
  find(
    db,
    sql`v.connector_id = ${connectorId} AND v.major = ${major}`,
    sql`CASE WHEN v.dev_site = ${site} THEN 'dev' ELSE 'prod' END`,
  );

interface Row extends Omit<DeployedVersion, 'access'> {
  released: boolean;
  accounts: number[];
  projects: number[];
  sites: number[];
}

async function find(
  db: Database,
  where: RawBuilder<unknown>,
  environment: RawBuilder<unknown>,
): Promise<DeployedVersion | null> {
  const { rows } = await sql<Row>`
    SELECT * FROM (
      SELECT v.id, v.connector_id AS "connectorId", c.name AS "connectorName", v.name, c.type, c.flow, v.major,
        CASE e.environment WHEN 'prod' THEN v.prod_version ELSE v.major || '.0.' || v.patch END AS version,
        e.environment,
        CASE e.environment WHEN 'prod' THEN v.prod_config ELSE v.dev_config END AS config,
        CASE e.environment WHEN 'prod' THEN v.prod_digest ELSE v.dev_digest END AS digest,
        CASE e.environment WHEN 'prod' THEN v.prod_limits ELSE v.dev_limits END AS limits, v.dev_site AS "devSite", v.released, v.enabled_for_accounts AS accounts,
        v.enabled_for_projects AS projects, v.enabled_for_sites AS sites
      FROM connector_versions v JOIN connectors c ON c.id = v.connector_id
        CROSS JOIN LATERAL (SELECT ${environment} AS environment) e
      WHERE ${where} AND c.deleted_at IS NULL
    ) found WHERE config IS NOT NULL AND limits IS NOT NULL AND digest IS NOT NULL`.execute(db);
  const row = rows[0];
  if (!row) return null;
  const { released, accounts, projects, sites, ...rest } = row;
  return { ...rest, access: { released, accounts, projects, sites } };
}
