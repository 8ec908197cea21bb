import { createMasker } from '@slipway/container-api';
import {
  BuildError,
  type BuildResult,
  type BuildStepEvent,
  imageName,
  imageTag,
  type RepositoryAccess,
} from '@slipway/engine';
import { sql } from 'kysely';
import type { Work } from '../database/database.ts';
import { type Log, openLog } from '../events/log-store.ts';
import { announce } from '../events/signals.ts';
import { ActionError, type ActionFailure, type ActionKind, type ActionRun } from '../operations/action.ts';
import { finishAction } from '../operations/transitions.ts';
import { credentialsOf, repositoryAccess } from '../versions/repository-access.ts';
import type { VersionRow } from '../versions/store.ts';
import { pendingSteps, type StoredStep } from './store.ts';

/** A build in the background: checkout, image, health check by the engine; the digest comes to the version. */
export const buildKind: ActionKind = {
  queue: 'build',
  scope: 'builds:write',
  cancelled: 'Build was cancelled',
  firstStep: 'prepare',
  logsFailures: true,
  perform,
  onClaimed: async (db, id) => {
    await db
      .updateTable('builds')
      .set({
        status: 'running',
        started_at: sql<Date>`coalesce(started_at, now())`,
        steps: JSON.stringify(pendingSteps()),
      })
      .where('id', '=', id)
      .execute();
  },
  onReleased: async (db, id) => {
    await db
      .updateTable('builds')
      .set({ status: 'queued', steps: JSON.stringify(pendingSteps()) })
      .where('id', '=', id)
      .execute();
  },
  onFailed: failBuild,
};

async function perform(run: ActionRun): Promise<void> {
  const { services, action } = run;
  const { row, access, problem } = await run.transaction(async ({ db }, row) => ({
    row,
    ...(await openCredential(run, db, row)),
  }));
  const masker = createMasker(credentialsOf(access));
  const log = openLog(services, action.id, masker);
  try {
    if (action.attempt > 1) {
      await log.write({
        level: 'notice',
        source: 'engine',
        message: 'The worker was lost; the build begins again.',
      });
    }
    if (problem) await log.write({ level: 'error', source: 'prepare', message: problem });
    const build = await readBuild(run);
    const result = await buildWithEngine(run, row, { ...build, access, log, mask: masker.mask });
    await succeed(run, build.version, result, log);
  } finally {
    await log.close();
  }
}

/** Without its credential the engine ends the build in the step `prepare`; the log tells why it is not there. */
async function openCredential(
  { services }: ActionRun,
  db: Work,
  row: VersionRow,
): Promise<{ access: RepositoryAccess | null; problem: string | null }> {
  try {
    return { access: await repositoryAccess(db, services, row), problem: null };
  } catch (error) {
    services.log.warn({ err: error, version: row.id }, 'a VCS secret could not be opened');
    return { access: null, problem: 'The VCS secret can not be opened with the present key.' };
  }
}

const readBuild = ({ services, action }: ActionRun) =>
  services.db
    .selectFrom('builds')
    .select(['branch', 'wanted_commit as commit', 'version'])
    .where('id', '=', action.id)
    .executeTakeFirstOrThrow();

interface Prepared {
  version: string;
  branch: string;
  commit: string | null;
  access: RepositoryAccess | null;
  log: Log;
  mask: (text: string) => string;
}

async function buildWithEngine(run: ActionRun, row: VersionRow, prepared: Prepared): Promise<BuildResult> {
  const { services, action, signal } = run;
  const steps = pendingSteps();
  try {
    return await services.engine.build({
      buildId: action.id,
      connector: { id: action.connectorId, version: prepared.version },
      repository: {
        url: row.vcs_url ?? '',
        branch: prepared.branch,
        access: prepared.access,
        ...(prepared.commit === null ? {} : { commit: prepared.commit }),
        ...(row.vcs_directory === null ? {} : { directory: row.vcs_directory }),
      },
      command: row.command ?? '',
      arguments: row.arguments,
      healthCheck: row.health_check,
      timeoutMs: services.settings.buildTimeoutSeconds * 1000,
      log: (level, source, message, context) => prepared.log.write({ level, source, message, context }),
      mask: prepared.mask,
      onStep: (event) => recordStep(run, steps, event),
      signal,
    });
  } catch (error) {
    if (error instanceof BuildError) throw new ActionError(error.step, error.message, error.exitCode);
    throw error;
  }
}

/** Steps are seen as they begin and end. */
async function recordStep(run: ActionRun, steps: StoredStep[], event: BuildStepEvent): Promise<void> {
  const { services, action } = run;
  run.step = event.name;
  const step = steps.find(({ name }) => name === event.name);
  if (!step) return;
  step.status = event.status;
  step.started_at = event.startedAt.toISOString();
  step.finished_at = event.finishedAt?.toISOString() ?? null;
  step.duration_ms = event.durationMs;
  await services.db.transaction().execute(async (db) => {
    await db
      .updateTable('states')
      .set({ step: event.name })
      .where('id', '=', action.id)
      .where('status', '=', 'pending')
      .execute();
    await db
      .updateTable('builds')
      .set({ steps: JSON.stringify(steps) })
      .where('id', '=', action.id)
      .where('status', '=', 'running')
      .execute();
    await announce(db, action.id);
  });
}

/** Commit, image name, tag, digest, duration and state in one transaction. */
async function succeed(run: ActionRun, version: string, result: BuildResult, log: Log): Promise<void> {
  const { action, services } = run;
  const name = imageName(action.connectorId);
  const tag = imageTag(version, result.commit);
  await log.write({
    level: 'success',
    source: 'engine',
    message: `Built ${name}:${tag}${result.reused ? ' from what was built before' : ''}: ${result.digest}`,
  });
  await log.flush();
  await run.transaction(async (work, row) => {
    await work.db
      .updateTable('builds')
      .set({
        status: 'done',
        commit: result.commit,
        image_name: name,
        image_tag: tag,
        digest: result.digest,
        duration_ms: result.durationMs,
        finished_at: sql<Date>`now()`,
      })
      .where('id', '=', action.id)
      .execute();
    await finishAction(work, action, row, {
      columns: {
        image_name: name,
        image_tag: tag,
        image_digest: result.digest,
        // Other engines make local bundles, which go nowhere.
        registry_url: services.engine.name === 'docker' ? services.settings.registry : null,
        vcs_latest_commit: result.commit,
      },
      data: { commit: result.commit, image: `${name}:${tag}`, digest: result.digest },
    });
  });
}

async function failBuild(db: Work, id: string, failure: ActionFailure): Promise<void> {
  const row = await db
    .selectFrom('builds')
    .select('steps')
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  if (!row) return;
  const now = new Date().toISOString();
  const steps = (row.steps as unknown as StoredStep[]).map((step) =>
    step.status === 'running' ? { ...step, status: 'failed' as const, finished_at: now } : step,
  );
  await db
    .updateTable('builds')
    .set({
      status: failure.cancelled ? 'cancelled' : 'failed',
      failure: failure.cancelled
        ? null
        : JSON.stringify({ step: failure.step, error: failure.error, 'exit-code': failure.exitCode }),
      steps: JSON.stringify(steps),
      duration_ms: sql<number>`(extract(epoch FROM now() - started_at) * 1000)::integer`,
      finished_at: sql<Date>`now()`,
    })
    .where('id', '=', id)
    .execute();
}
