import { sql } from 'kysely';
import { newId } from '../../src/ids.ts';
import { ownLimitsJson } from '../../src/versions/deployed.ts';
import { configJson } from '../../src/versions/representation.ts';
import { makeConnector, type TestConnector } from './connectors.ts';
import { insertFields, type TestField } from './deployed.ts';
import type { TestServer, TestUser } from './server.ts';
import { built, digest } from './version-calls.ts';

/** A connector whose version 1.0.0 was synchronized to prod with these form fields. */
export async function makeProdConnector(
  test: TestServer,
  user: TestUser,
  { fields = [], ...options }: Parameters<typeof makeConnector>[2] & { fields?: readonly TestField[] } = {},
): Promise<TestConnector> {
  const connector = await makeConnector(test, user, {
    ...options,
    version: {
      ...built,
      state: 'synchronized-to-prod',
      prod_platform_connector: 7,
      prod_version: '1.0.0',
      prod_digest: digest,
      ...options.version,
    },
  });
  await addFields(test, connector.versionId, fields);
  return connector;
}

/** Adds form fields to a version, and deploys it to prod as it is then. */
export async function addFields(
  test: TestServer,
  versionId: string,
  fields: readonly TestField[],
): Promise<void> {
  await insertFields(test, versionId, fields);
  await copyToProd(test, versionId);
}

const copyToProd = (test: TestServer, versionId: string) =>
  sql`UPDATE connector_versions v SET prod_config = ${configJson}, prod_limits = ${ownLimitsJson} WHERE v.id = ${versionId}`.execute(
    test.server.services.db,
  );

/** Another version of the connector, a copy of 1.0.0 as it is now, form fields included; gives its id. */
export async function makeVersion(
  test: TestServer,
  connector: TestConnector,
  major: number,
  columns: Record<string, unknown> = {},
): Promise<string> {
  const { db } = test.server.services;
  const first = await db
    .selectFrom('connector_versions')
    .selectAll()
    .where('id', '=', connector.versionId)
    .executeTakeFirstOrThrow();
  const id = newId();
  const {
    export_config,
    data_service_config,
    datasource_config,
    prod_config,
    prod_limits,
    dev_config,
    dev_limits,
    ...rest
  } = first;
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value));
  await db
    .insertInto('connector_versions')
    .values({
      ...rest,
      id,
      major,
      container_api_config: json(rest.container_api_config),
      export_config: json(export_config),
      data_service_config: json(data_service_config),
      datasource_config: json(datasource_config),
      prod_config: json(prod_config),
      prod_limits: json(prod_limits),
      dev_limits: json(dev_limits),
      dev_config: json(dev_config),
      prod_version: `${major}.0.0`,
      released: false,
      enabled_for_accounts: [],
      enabled_for_projects: [],
      enabled_for_sites: [],
      assigned_to_sites: [],
      dev_site: null,
      ...columns,
    })
    .execute();
  await sql`
    INSERT INTO individual_configs (version_id, command_option, field_type, field_name, field_required,
      field_default_value, field_config, "order")
    SELECT ${id}, command_option, field_type, field_name, field_required, field_default_value, field_config, "order"
    FROM individual_configs WHERE version_id = ${connector.versionId}`.execute(db);
  await copyToProd(test, id);
  return id;
}
