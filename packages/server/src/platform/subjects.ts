import { sql } from 'kysely';
import type { Context } from '../context.ts';
import { notFound } from '../errors.ts';
import type { Resolver } from '../http/subjects.ts';
import { rightAt } from './rights.ts';

export interface AccountSubject {
  id: number;
  name: string;
}

export interface ProjectSubject {
  id: number;
  name: string;
  accountId: number;
}

export interface SiteSubject {
  id: number;
  name: string;
  status: 'active' | 'paused';
  projectId: number;
  accountId: number;
}

declare module '../http/subjects.ts' {
  interface Subjects {
    account: AccountSubject;
    project: ProjectSubject;
    site: SiteSubject;
  }
}

/** @throws 404 */
export async function findAccount({ db }: Context, id: number): Promise<AccountSubject> {
  const row = await db.selectFrom('accounts').select(['id', 'name']).where('id', '=', id).executeTakeFirst();
  if (!row) throw notFound('Account');
  return row;
}

/** @throws 404 */
export async function findProject({ db }: Context, id: number): Promise<ProjectSubject> {
  const row = await db
    .selectFrom('projects')
    .select(['id', 'name', 'account_id as accountId'])
    .where('id', '=', id)
    .executeTakeFirst();
  if (!row) throw notFound('Project');
  return row;
}

/** The site with what is above it, or null. */
export async function findSite({ db }: Pick<Context, 'db'>, id: number): Promise<SiteSubject | null> {
  const row = await db
    .selectFrom('sites as s')
    .innerJoin('projects as p', 'p.id', 's.project_id')
    .select(['s.id', 's.name', 's.status', 's.project_id as projectId', 'p.account_id as accountId'])
    .where('s.id', '=', id)
    .executeTakeFirst();
  return (row as SiteSubject | undefined) ?? null;
}

export const resolveAccount: Resolver<'account'> = async (context, params) => {
  const subject = await findAccount(context, Number(params.accountId));
  return {
    subject,
    right: await rightAt(context.db, context.actor, { account: subject.id }),
    thing: 'Account',
    lock: (db) => sql`SELECT 1 FROM accounts WHERE id = ${subject.id} FOR UPDATE`.execute(db),
  };
};

export const resolveProject: Resolver<'project'> = async (context, params) => {
  const subject = await findProject(context, Number(params.projectId));
  const place = { account: subject.accountId, project: subject.id };
  return {
    subject,
    right: await rightAt(context.db, context.actor, place),
    thing: 'Project',
    lock: (db) => sql`SELECT 1 FROM projects WHERE id = ${subject.id} FOR UPDATE`.execute(db),
  };
};

export const resolveSite: Resolver<'site'> = async (context, params) => {
  const subject = await findSite(context, Number(params.siteId));
  if (!subject) throw notFound('Site');
  const place = { account: subject.accountId, project: subject.projectId, site: subject.id };
  return {
    subject,
    right: await rightAt(context.db, context.actor, place),
    thing: 'Site',
    lock: (db) => sql`SELECT 1 FROM sites WHERE id = ${subject.id} FOR UPDATE`.execute(db),
  };
};
