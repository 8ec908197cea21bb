import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { writeEntries } from '../events/log-store.ts';
import type { ActionRun } from '../operations/action.ts';
import { setVersion } from '../operations/transitions.ts';
import { findVersion, type VersionSubject } from '../versions/resolver.ts';
import { recordSiteUses } from '../versions/site-uses.ts';
import type { VersionRow } from '../versions/store.ts';
import { ensureProject, ensureSite, unassigned } from './dev-site.ts';

type Working = Context & { db: Work };

/** What a step works on: the version is locked while it does. */
export interface StepInput {
  work: Working;
  row: VersionRow;
  version: VersionSubject;
  /** Writes a line of the log. */
  say(message: string, level?: 'info' | 'warning'): Promise<void>;
}

/** One step: it does its part in one transaction with the record that it is done. */
export interface Step {
  name: string;
  do(input: StepInput): Promise<void>;
}

/**
 * Does the steps that no earlier attempt has recorded, each in a transaction of its own: a step is done, recorded and
 * logged, or it never was. What they log holds no secrets, so there is nothing to mask.
 */
export async function performSteps(run: ActionRun, steps: readonly Step[]): Promise<void> {
  for (const step of steps) {
    if (!run.action.stepsDone.includes(step.name)) await performTogether(run, [step]);
  }
}

/** Does steps that must take effect at the same moment, in one transaction. */
export async function performTogether(run: ActionRun, steps: readonly Step[]): Promise<void> {
  run.signal.throwIfAborted();
  run.step = steps[0]?.name ?? run.step;
  await run.transaction(async (work, row) => {
    for (const step of steps) {
      run.step = step.name;
      await doStep(run, step, work, row);
    }
  });
}

async function doStep({ action }: ActionRun, step: Step, work: Working, row: VersionRow): Promise<void> {
  const { version } = await findVersion(work, action.connectorId, String(action.major));
  if (!version) throw new Error('The version is gone.');
  await sql`
    UPDATE states SET step = ${step.name}, steps_done = array_append(steps_done, ${step.name})
    WHERE id = ${action.id}`.execute(work.db);
  await step.do({
    work,
    row,
    version,
    say: (message, level = 'info') =>
      writeEntries(work.db, work.services.settings.timeZone, action.id, [
        { level, source: step.name, message },
      ]),
  });
}

/** Account and project of the version, the project made when it is missing. */
export async function placeProject({ work, row }: StepInput): Promise<{ project: number; made: boolean }> {
  const account = row.dev_account;
  if (account === null) throw new Error('The version has lost its dev account.');
  const project = await ensureProject(work, { account, project: row.dev_project, site: row.dev_site });
  const made = project !== row.dev_project;
  if (made) await setVersion(work.db, row.id, { dev_project: project });
  return { project, made };
}

/** The dev site, made when it is missing; on another site the version stands nowhere yet. */
export async function placeSite(
  { work, row, version }: StepInput,
  project: number,
): Promise<{ site: number; made: boolean }> {
  const site = await ensureSite(work, version, row, project);
  const made = site !== row.dev_site;
  if (made) {
    await setVersion(work.db, row.id, { dev_site: site, ...unassigned });
    await recordSiteUses(work, version.connectorId);
  }
  return { site, made };
}
