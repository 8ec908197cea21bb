import { type BuildStep, buildSteps } from '@slipway/contract';
import { sql } from 'kysely';
import type { Database, Work } from '../database/database.ts';

/** A step of a build as it is stored; the times are ISO 8601. */
export interface StoredStep {
  name: BuildStep;
  status: 'pending' | 'running' | 'done' | 'failed' | 'skipped';
  started_at: string | null;
  finished_at: string | null;
  duration_ms: number | null;
}

export const pendingSteps = (): StoredStep[] =>
  buildSteps.map((name) => ({
    name,
    status: 'pending',
    started_at: null,
    finished_at: null,
    duration_ms: null,
  }));

/** A build as the API shows it (3.8), from the row of `builds` under the alias `b`. */
export const buildRepresentation = sql`json_build_object(
  'id', b.id, 'connector-id', b.connector_id, 'connector-version', b.version, 'status', b.status,
  'position', CASE WHEN b.status = 'queued' THEN (
    SELECT count(*) FROM builds q
    WHERE q.status = 'queued' AND (q.created_at, q.id) <= (b.created_at, b.id)) END,
  'branch', b.branch, 'commit', b.commit, 'image-name', b.image_name, 'image-tag', b.image_tag, 'digest', b.digest,
  'duration-ms', b.duration_ms,
  'steps', (
    SELECT json_agg(json_build_object('name', x.name, 'status', x.status, 'started-at', wire_time(x.started_at),
      'finished-at', wire_time(x.finished_at), 'duration-ms', x.duration_ms) ORDER BY x.place)
    FROM ROWS FROM (json_to_recordset(b.steps) AS
      (name text, status text, started_at timestamptz, finished_at timestamptz, duration_ms integer))
      WITH ORDINALITY AS x(name, status, started_at, finished_at, duration_ms, place)),
  'failure', b.failure, 'triggered-by', b.triggered_by, 'created-at', wire_time(b.created_at),
  'started-at', wire_time(b.started_at), 'finished-at', wire_time(b.finished_at))`;

/** JSON text of one build; null when it is gone. */
export async function buildJson(db: Database, id: string): Promise<string | null> {
  const { rows } = await sql<{ json: string }>`
    SELECT (${buildRepresentation})::text AS json FROM builds b WHERE b.id = ${id}`.execute(db);
  return rows[0]?.json ?? null;
}

export interface NewBuild {
  /** Of its background state. */
  id: string;
  connectorId: string;
  versionId: string;
  major: number;
  version: string;
  branch: string;
  wantedCommit: string | null;
  triggeredBy: string;
}

export async function insertBuild(db: Work, build: NewBuild): Promise<void> {
  await db
    .insertInto('builds')
    .values({
      id: build.id,
      connector_id: build.connectorId,
      version_id: build.versionId,
      major: build.major,
      version: build.version,
      status: 'queued',
      branch: build.branch,
      wanted_commit: build.wantedCommit,
      steps: JSON.stringify(pendingSteps()),
      triggered_by: build.triggeredBy,
    })
    .execute();
}

/** `queued`, `running`, or how it ended. */
export async function buildStatus(db: Database, id: string): Promise<string | null> {
  const row = await db.selectFrom('builds').select('status').where('id', '=', id).executeTakeFirst();
  return row?.status ?? null;
}

/** Builds that a worker may be at work on: what an engine must not clear away. */
export async function runningBuildIds(db: Database): Promise<string[]> {
  const rows = await db.selectFrom('builds').select('id').where('status', '=', 'running').execute();
  return rows.map(({ id }) => id);
}

/** Builds that wait or run, for the queue of the server; the worker is that of the state with the build's id. */
export const queuedBuilds = sql`
  SELECT b.id, 'build' AS kind, v.name || ' ' || b.version AS name, b.status,
    CASE b.status WHEN 'running' THEN s.worker_id END AS worker, b.created_at, b.started_at
  FROM builds b LEFT JOIN connector_versions v ON v.id = b.version_id LEFT JOIN states s ON s.id = b.id
  WHERE b.status IN ('queued', 'running')`;
