import type { TestServer } from './server.ts';

/** A new account of the embedded platform. */
export async function makeAccount({ server }: TestServer, name = 'Account'): Promise<number> {
  const row = await server.services.db
    .insertInto('accounts')
    .values({ name })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

export async function makeProject({ server }: TestServer, account: number): Promise<number> {
  const row = await server.services.db
    .insertInto('projects')
    .values({ account_id: account, name: 'Project' })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

export async function makeSite({ server }: TestServer, project: number): Promise<number> {
  const row = await server.services.db
    .insertInto('sites')
    .values({ project_id: project, name: 'Site', id_column: 'id' })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}

/** A channel without fields; by default a plain one of the admins'. */
export async function makeChannel(
  { server }: TestServer,
  { delta = false, owner = null }: { delta?: boolean; owner?: string | null } = {},
): Promise<number> {
  const row = await server.services.db
    .insertInto('channels')
    .values({ name: 'Channel', delta, owner_id: owner, file_names: '{}' })
    .returning('id')
    .executeTakeFirstOrThrow();
  return row.id;
}
