import { type BodyOf, type FieldErrors, type operations, texts } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest } from '../errors.ts';
import type { Verb } from '../http/route.ts';
import type { PlatformSite } from '../platform/gateway.ts';
import type { DeployedVersion } from '../versions/deployed.ts';
import { deployedVersion, manualRun, siteToWrite, writableSite } from './manual-run.ts';
import { copyInput, storeGivenRows } from './run-input.ts';

type Operation = (typeof operations)['runCreate'];
type Body = BodyOf<Operation>;

const gone = badRequest({ 'input.run': 'The input of this run is no longer stored.' });

/** A manual run of `dev_config`: it takes its turn among the processes of the site, and its output stays with the run. */
export const runCreate: Verb<Operation> = (context, { body }) =>
  manualRun(context, async (work, id) => {
    const version = await deployedVersion(work, body.connector, String(body.version ?? 'latest'));
    const site = await siteOf(work, version, body.site);
    checkOptions(version, body.values ?? {});
    const stored = await work.services.platform.formValues(work, site.id, version);
    await storeInput(work, id, version, body.input ?? null);
    return {
      version,
      site,
      values: { ...stored, ...body.values },
      action: 'run_create',
      change: { path: 'site', from: null, to: site.id },
    };
  });

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
