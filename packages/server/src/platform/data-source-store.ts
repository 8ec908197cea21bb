import { type RawBuilder, sql } from 'kysely';

/** The form values of one part, passwords as `***`; alias `d` is the data source. */
const values = (connector: RawBuilder<unknown>, major: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  (SELECT coalesce(json_object_agg(f.command_option, CASE WHEN f.sealed IS NULL THEN coalesce(f.value, '') ELSE '***' END
     ORDER BY f.command_option), '{}')
   FROM form_values f WHERE f.data_source_id = d.id AND f.connector_id = ${connector} AND f.major = ${major})`;

const part = (
  connector: RawBuilder<unknown>,
  major: RawBuilder<unknown>,
  credential: RawBuilder<unknown>,
) => sql`
  CASE WHEN ${connector} IS NULL THEN NULL ELSE json_build_object(
    'id', ${connector}, 'version', ${major}, 'credential', ${credential}, 'values', ${values(connector, major)}) END`;

/** 6.1, alias `d`. */
export const dataSourceJson: RawBuilder<unknown> = sql`json_build_object(
  'id', d.id, 'name', d.name, 'kind', d.kind, 'role', d.role, 'status', d.status, 'order', d."order",
  'connector', ${part(sql`d.connector_id`, sql`d.connector_major`, sql`d.credential`)},
  'transform', ${part(sql`d.transform_id`, sql`d.transform_major`, sql`NULL`)},
  'legacy-executable', CASE WHEN d.legacy_executable IS NULL THEN NULL ELSE
    json_build_object('id', d.legacy_executable, 'values', d.legacy_values) END, 'file', d.file, 'export', NULL, 'on-failure', d.on_failure,
  'key-column', d.key_column, 'match-column', d.match_column, 'join', d."join", 'prefix', d.prefix, 'rows', d.rows,
  'created-at', wire_time(d.created_at), 'updated-at', wire_time(d.updated_at))`;
