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
