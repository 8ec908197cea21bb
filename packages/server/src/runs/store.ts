import { type RawBuilder, sql } from 'kysely';

/** Representations of 3.7, keys in the contract's order; alias `r`. */
export const runJson: RawBuilder<unknown> = sql`json_build_object(
  'id', r.id, 'connector-id', r.connector_id, 'connector-version', r.connector_version, 'state', r.state,
  'process-id', r.process_id, 'site-id', r.site_id, 'site-name', r.site_name, 'project-id', r.project_id,
  'project-name', r.project_name, 'account-id', r.account_id, 'account-name', r.account_name,
  'exit-code', r.exit_code, 'container-api-docker-image', r.container_api_image,
  'container-api-version-constraint', r.container_api_constraint, 'cli-command', r.cli_command,
  'registered-secrets', r.registered_secrets, 'authentications', r.authentications,
  'connector-setup-config', r.setup_config, 'started-at', wire_time(r.started_at),
  'finished-at', wire_time(r.finished_at), 'created-at', wire_time(r.created_at))`;

/** Milliseconds between two times, null while one is missing. */
const milliseconds = (from: RawBuilder<unknown>, to: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`round(extract(epoch FROM ${to} - ${from}) * 1000)::bigint`;

const counted = (key: string, otherwise: RawBuilder<unknown>): RawBuilder<unknown> =>
  sql`coalesce(r.statistics -> ${sql.lit(key)}, ${otherwise})`;

const none = sql`'{}'::json`;

/** 3.7.1 */
export const statisticsJson: RawBuilder<unknown> = sql`json_build_object(
  'run', r.id, 'engine', r.engine, 'commit', r.commit,
  'image-digest', CASE WHEN r.cli_command IS NULL THEN NULL ELSE r.image_digest END,
  'queued-ms', ${milliseconds(sql`r.created_at`, sql`r.started_at`)},
  'duration-ms', ${milliseconds(sql`r.started_at`, sql`r.finished_at`)},
  'cpu-ms', r.statistics -> 'cpu-ms', 'memory-peak-mb', r.statistics -> 'memory-peak-mb',
  'rows-read', ${counted('rows-read', none)},
  'rows-written', json_build_object('output', coalesce(r.rows_output, 0), 'feedback', coalesce(r.rows_feedback, 0)),
  'container-api-requests', ${counted('container-api-requests', sql`'0'::json`)},
  'container-api-errors', ${counted('container-api-errors', sql`'0'::json`)},
  'log-lines', ${counted('log-lines', none)},
  'input-available', r.input_available, 'output-available', r.output_available, 'failure', r.failure)`;

/** Runs that wait or run, for the queue of the server. */
export const queuedRuns = sql`
  SELECT r.id, 'run' AS kind, r.site_name AS name, r.state AS status, r.worker_id AS worker, r.created_at, r.started_at
  FROM runs r WHERE r.state IN ('queued', 'running')`;
