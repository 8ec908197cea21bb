import { newId } from '../../src/ids.ts';
import {
  buildScript,
  type DeployedConnector,
  deploy,
  endOfProcess,
  localRepositories,
} from '../support/deployed.ts';
import { entityParams } from '../support/entities.ts';
import { startOAuthServer } from '../support/oauth.ts';
import { testFields, testScript } from '../support/script.ts';
import type { TestServer, TestUser } from '../support/server.ts';

/** What the valid requests look at: one server, an admin who may do everything, and one of each kind of entity. */
export interface World {
  server: TestServer;
  admin: TestUser;
  /** Values of path parameters, for reads. */
  params: Record<string, string>;
  /** A connector on a dev site whose rows were imported. */
  deployed: DeployedConnector;
  /** What its repository was built to. */
  digest: string;
  /** A run of the connector, in the given state; gives its id. */
  putRun(state: string): Promise<string>;
}

export async function makeWorld(): Promise<World> {
  const server = await startOAuthServer({
    ...localRepositories,
    // Each request comes from another address: attempts with passwords and invitations are counted by it.
    SLIPWAY_TRUST_PROXY: 'true',
    SLIPWAY_BODY_LIMIT_MIB: '1',
    SLIPWAY_CONTAINER_API_IMAGE: 'test.domain.docker/test/container-api-image:1.0.0',
  });
  const admin = await server.makeUser({ role: 'admin' });
  const digest = await buildScript(server, testScript);
  const deployed = await deploy(server, admin, digest, { fields: testFields });
  const imported = await server.request('POST', `/platform/sites/${deployed.site}/processes`, {
    token: admin.token,
    body: { action: 'import' },
  });
  const process = imported.body.data.process_id;
  await endOfProcess(server, admin, deployed.site, process);
  const run = await server.server.services.db
    .selectFrom('runs')
    .selectAll()
    .where('process_id', '=', process)
    .executeTakeFirstOrThrow();
  const organization = await server.makeOrganization();
  return {
    server,
    admin,
    deployed,
    digest,
    params: {
      ...(await entityParams(server, { owner: admin, organization, member: await server.makeUser() })),
      accountId: String(deployed.account),
      projectId: String(deployed.project),
      siteId: String(deployed.site),
      dataSourceId: String(deployed.source),
      processId: process,
      runId: run.id,
    },
    async putRun(state) {
      const id = newId();
      await server.server.services.db
        .insertInto('runs')
        .values({
          id,
          connector_id: run.connector_id,
          version_id: run.version_id,
          major: run.major,
          connector_version: run.connector_version,
          state,
          environment: run.environment,
          stage: run.stage,
          process_id: newId(),
          site_id: run.site_id,
          site_name: run.site_name,
          project_id: run.project_id,
          project_name: run.project_name,
          account_id: run.account_id,
          account_name: run.account_name,
        })
        .execute();
      return id;
    },
  };
}
