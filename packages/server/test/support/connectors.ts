import type { Updateable } from 'kysely';
import type { ConnectorVersions } from '../../src/database/schema.ts';
import type { TestServer, TestUser } from './server.ts';

/** A connector made over the API, with the id of its version 1.0.0. */
export interface TestConnector {
  id: string;
  versionId: string;
}

export async function makeConnector(
  test: TestServer,
  user: TestUser,
  options: { type?: string; name?: string; details?: object; version?: Updateable<ConnectorVersions> } = {},
): Promise<TestConnector> {
  const answer = await test.request('POST', '/connectors', {
    token: user.token,
    body: {
      'connector-type': options.type ?? 'datasource',
      'connector-name': options.name ?? 'Test connector',
      ...options.details,
    },
  });
  if (answer.status !== 201) throw new Error(`${answer.status} ${answer.text}`);
  const { db } = test.server.services;
  const { id: versionId } = await db
    .selectFrom('connector_versions')
    .select('id')
    .where('connector_id', '=', answer.body.data.id)
    .executeTakeFirstOrThrow();
  if (options.version) {
    await db.updateTable('connector_versions').set(options.version).where('id', '=', versionId).execute();
  }
  return { id: answer.body.data.id, versionId };
}

/** Both required steps done, as columns. */
export const configured = {
  state: 'updated',
  update_progress: ['vcs-config', 'application-config'],
  command: 'node',
  arguments: 'main.js',
  vcs_authorization: 'public',
  vcs_url: 'https://example.com/connector.git',
  vcs_branch: 'main',
} satisfies Updateable<ConnectorVersions>;
