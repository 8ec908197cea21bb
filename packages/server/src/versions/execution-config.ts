import { type BodyOf, executionLimitsBody, type FieldErrors, operations, texts } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import type { Context } from '../context.ts';
import { changesBetween } from '../events/audit.ts';
import { requireBody } from '../http/body.ts';
import type { Input } from '../http/route.ts';
import { RawJson } from '../json.ts';
import type { Settings } from '../settings.ts';
import { changeConfiguration } from './change-configuration.ts';
import { executionJson } from './representation.ts';

/** What a run may use, under the alias `v`: the version's own limits, else the server's defaults. */
export const limitsJson = (settings: Settings): RawBuilder<unknown> => sql`json_build_object(
  'memory-mb', coalesce(v.memory_mb, ${settings.runMemoryMb}::integer),
  'cpus', coalesce(v.cpus, ${settings.runCpus}::numeric),
  'timeout-seconds', coalesce(v.timeout_seconds, ${settings.runTimeoutSeconds}::integer),
  'network', v.network, 'allow-list', to_json(v.allow_list))`;

/** `GET …/execution-config` */
export async function showExecutionConfig(
  { db, services }: Context,
  { subject }: Input<typeof operations.connectorShowExecutionConfig>,
): Promise<RawJson> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${executionJson(sql`, 'limits', ${limitsJson(services.settings)}`)})::text AS json
    FROM connector_versions v WHERE v.id = ${subject.id}`.execute(db);
  return new RawJson((rows[0] as { json: string }).json);
}

type LimitsBody = BodyOf<typeof operations.connectorUpdateExecutionLimits>;

/** The schema with the server's own maxima; made once for each server, since compiling it takes time. */
const schemas = new WeakMap<Settings, ReturnType<typeof executionLimitsBody>>();

function schemaOf(settings: Settings): ReturnType<typeof executionLimitsBody> {
  const known = schemas.get(settings);
  if (known) return known;
  const made = executionLimitsBody({
    memoryMb: settings.runMaxMemoryMb,
    cpus: settings.runMaxCpus,
    timeoutSeconds: settings.runMaxTimeoutSeconds,
  });
  schemas.set(settings, made);
  return made;
}

/** Without a list a version that may call the hosts of its list could call none. */
function allowListRule(body: Record<string, unknown>): FieldErrors {
  const { network, 'allow-list': hosts } = body as LimitsBody;
  const missing = hosts === undefined || hosts === null || (Array.isArray(hosts) && hosts.length === 0);
  return network === 'allow-list' && missing ? { 'allow-list': texts.blank } : {};
}

/** `PUT …/execution-config/limits`: all five; what is absent follows the server's defaults. */
export async function updateExecutionLimits(
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateExecutionLimits>,
): Promise<void> {
  const limits = requireBody(schemaOf(context.services.settings), body, allowListRule);
  const network = limits.network ?? 'open';
  const columns = {
    memory_mb: limits['memory-mb'] ?? null,
    cpus: limits.cpus ?? null,
    timeout_seconds: limits['timeout-seconds'] ?? null,
    network,
    allow_list: network === 'allow-list' ? [...new Set(limits['allow-list'])] : [],
  };
  await changeConfiguration(
    context,
    operations.connectorUpdateExecutionLimits,
    subject,
    async (_work, row) => ({
      columns,
      changes: changesBetween({ ...row, cpus: row.cpus === null ? null : Number(row.cpus) }, columns).map(
        (change) => ({ ...change, path: `limits.${change.path.replaceAll('_', '-')}` }),
      ),
    }),
  );
}

/** `PUT …/feature-flags`: replaces the list; duplicates count once. */
export const updateFeatureFlags = (
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateFeatureFlags>,
): Promise<void> =>
  changeConfiguration(context, operations.connectorUpdateFeatureFlags, subject, async (_work, row) => {
    const flags = [...new Set(body['feature-flags'])];
    return {
      columns: { feature_flags: flags },
      changes: changesBetween({ 'feature-flags': row.feature_flags }, { 'feature-flags': flags }),
    };
  });

/** `PUT …/container-api-config`: replaces the object; an empty one is stored as null. */
export const updateContainerApiConfig = (
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateContainerApiConfig>,
): Promise<void> =>
  changeConfiguration(context, operations.connectorUpdateContainerApiConfig, subject, async (_work, row) => {
    const keys = ['batch-size-max', 'separator', 'show-hidden'] as const;
    const given = keys.filter((key) => body[key] !== undefined).map((key) => [key, body[key]] as const);
    const config = given.length > 0 ? Object.fromEntries(given) : null;
    return {
      columns: { container_api_config: config && JSON.stringify(config) },
      changes: changesBetween(
        { 'container-api-config': row.container_api_config },
        { 'container-api-config': config },
      ),
    };
  });
