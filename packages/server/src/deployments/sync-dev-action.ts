import { sql } from 'kysely';
import type { ActionKind, ActionRun } from '../operations/action.ts';
import { finishAction, setVersion } from '../operations/transitions.ts';
import { ownLimitsJson } from '../versions/deployed.ts';
import { configJson } from '../versions/representation.ts';
import { assignmentOn } from './assign.ts';
import { platformVersion } from './dev-site.ts';
import { isRegistered, registerRuntime } from './runtime.ts';
import { performSteps, placeProject, placeSite, type Step } from './steps.ts';

/** Brings a version to its dev site. */
export const syncDevKind: ActionKind = {
  queue: 'state',
  scope: 'releases:write',
  cancelled: 'The action was cancelled',
  firstStep: 'runtime',
  perform: (run) => performSteps(run, [runtime, site, connector, assign(run)]),
};

/** Registers what was built with the runtime, when something else is registered. */
export const runtime: Step = {
  name: 'runtime',
  async do({ work, row, say }) {
    if (await isRegistered(work.db, row)) return say(`The runtime has ${row.image_digest} already.`);
    await registerRuntime(work, row);
    return say(`Registered ${row.image_digest} with the runtime.`);
  },
};

const site: Step = {
  name: 'site',
  async do(input) {
    const { project } = await placeProject(input);
    const { site, made } = await placeSite(input, project);
    await input.say(
      made ? `Created the site ${site} in the project ${project}.` : `The site ${site} is there.`,
    );
  },
};

const connector: Step = {
  name: 'connector',
  async do({ work, row, version, say }) {
    const id = await work.services.platform.ensureConnector(work.db, platformVersion(version, row), 'dev');
    if (row.dev_platform_connector !== id || row.dev_executable !== row.legacy_executable) {
      await setVersion(work.db, row.id, {
        dev_platform_connector: id,
        dev_executable: row.legacy_executable,
      });
    }
    await say(`The platform connector is ${id}.`);
  },
};

/** The final transaction: until it is through, the dev site goes on with what it had. */
const assign = ({ action }: ActionRun): Step => ({
  name: 'assign',
  async do({ work, row, version, say }) {
    const { dev_site: site, dev_platform_connector: platformConnector } = row;
    if (site === null || platformConnector === null) throw new Error('The steps before have left no site.');
    await sql`
      UPDATE connector_versions v SET dev_config = ${configJson}, dev_limits = ${ownLimitsJson},
        dev_digest = v.image_digest
      WHERE v.id = ${row.id}`.execute(work.db);
    const columns = await assignmentOn(work, version, row, site);
    await say(`Assigned to the site ${site}.`);
    await finishAction(work, action, row, {
      columns,
      data: { 'platform-connector': platformConnector, site },
    });
  },
});
