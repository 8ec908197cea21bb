import type { operations } from '@slipway/contract';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { refused } from '../errors.ts';
import type { Verb } from '../http/route.ts';
import { deployedVersion, manualRun, writableSite } from './manual-run.ts';
import { copyInput } from './run-input.ts';
import type { RunValue } from './settings-of-run.ts';

type Operation = (typeof operations)['runReplay'];

const gone = refused('The input of this run is no longer stored.');

/**
 * A new manual run on the same site with the input and the values of an earlier one, on `dev_config` of its version or
 * another: what the site stores by now does not count. Values of fields that the version has not are left out.
 */
export const runReplay: Verb<Operation> = (context, { subject, body }) =>
  manualRun(context, async (work, id) => {
    const earlier = await work.db
      .selectFrom('runs')
      .select(['major', 'form_values as values', 'sealed_values as sealed'])
      .where('id', '=', subject.id)
      .executeTakeFirstOrThrow();
    const version = await deployedVersion(work, subject.connectorId, String(body.version ?? earlier.major));
    const site = await writableSite(work, subject.siteId);
    await copyInput(work, subject.id, id, version.type, gone);
    return {
      version,
      site,
      values: await valuesOf(work, earlier),
      action: 'run_replay',
      change: { path: 'replay-of', from: null, to: subject.id },
    };
  });

async function valuesOf(
  { db, services }: Context & { db: Work },
  { values, sealed }: { values: unknown; sealed: string | null },
): Promise<Record<string, string>> {
  const secret = sealed === null ? [] : (JSON.parse(await services.vault.open(db, sealed)) as RunValue[]);
  const all = [...(values as RunValue[]), ...secret];
  return Object.fromEntries(all.map(({ name, value }) => [name, value]));
}
