import { sql } from 'kysely';
import { platformVersion } from '../deployments/dev-site.ts';
import { performSteps, performTogether, type Step } from '../deployments/steps.ts';
import { runtime } from '../deployments/sync-dev-action.ts';
import type { ActionKind, ActionRun } from '../operations/action.ts';
import { finishAction } from '../operations/transitions.ts';
import { ownLimitsJson } from '../versions/deployed.ts';
import { formOf } from '../versions/legacy.ts';
import { configJson } from '../versions/representation.ts';
import { recordSiteUses } from '../versions/site-uses.ts';
import { levels, onEach, targetsOf } from './places.ts';

/**
 * Makes or replaces a version's production copy. Everything that sites notice happens in one transaction at the end;
 * until then, and when it fails, the former copy serves.
 */
export const syncProdKind: ActionKind = {
  queue: 'state',
  scope: 'releases:write',
  cancelled: 'The action was cancelled',
  firstStep: 'runtime',
  async perform(run) {
    await performSteps(run, [runtime, connector, targets]);
    const switched: Switched = { sites: [] };
    await performTogether(run, [switchLegacy(switched), activate(run, switched)]);
  },
};

/** What the last two steps share. */
interface Switched {
  sites: number[];
}

const connector: Step = {
  name: 'connector',
  async do({ work, row, version, say }) {
    const id = await work.services.platform.ensureConnector(work.db, platformVersion(version, row), 'prod');
    await say(`The platform connector is ${id}.`);
  },
};

/** Target ids are stored as given; those that do not exist grant nothing, and the log says so. */
const targets: Step = {
  name: 'targets',
  async do({ work, row, say }) {
    const scope = targetsOf(row);
    const known = await work.services.platform.findPlaces(work.db, scope);
    const missing = onEach((level) => scope[level].filter((id) => !known[level].has(id)));
    for (const level of levels) {
      const ids = scope[level].join(', ');
      await say(ids === '' ? `No target ${level}.` : `Target ${level}: ${ids}.`);
      if (missing[level].length > 0) {
        await say(`These ${level} do not exist: ${missing[level].join(', ')}.`, 'warning');
      }
    }
  },
};

/** Required fields that stored values leave empty do not hold the switch up; the log names the sites. */
const switchLegacy = (switched: Switched): Step => ({
  name: 'switch-legacy',
  async do({ work, row, version, say }) {
    if (row.legacy_executable === null) return say('There is no legacy executable.');
    const { sites, missing } = await work.services.platform.switchLegacy(
      work.db,
      platformVersion(version, row),
      row.legacy_executable,
      await formOf(work.db, row.id),
    );
    switched.sites = sites;
    if (sites.length > 0) await recordSiteUses(work, version.connectorId);
    await say(`Sites switched from the legacy executable: ${sites.join(', ') || 'none'}.`);
    for (const { site, options } of missing) {
      await say(`Site ${site} has no value for: ${options.join(', ')}.`, 'warning');
    }
  },
});

const activate = ({ action }: ActionRun, switched: Switched): Step => ({
  name: 'activate',
  async do({ work, row, version, say }) {
    // The entry is there since the step before; this looks its id up.
    const id = await work.services.platform.ensureConnector(work.db, platformVersion(version, row), 'prod');
    await sql`
      UPDATE connector_versions v SET prod_config = ${configJson}, prod_limits = ${ownLimitsJson},
        prod_digest = v.image_digest
      WHERE v.id = ${row.id}`.execute(work.db);
    await say(`Version ${version.version} runs in production.`);
    await finishAction(work, action, row, {
      columns: {
        prod_platform_connector: id,
        prod_executable: row.legacy_executable,
        prod_version: version.version,
      },
      data: { 'platform-connector': id, version: version.version, 'switched-sites': switched.sites },
    });
  },
});
