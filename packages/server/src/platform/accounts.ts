import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { notFound, refused } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { removeMemberships } from './memberships.ts';
import { rightAt, seesAccount, seesBelow, seesProject } from './rights.ts';
import { accountJson, nameContains, projectJson, showJson } from './store.ts';
import { findAccount } from './subjects.ts';

type Operations = typeof operations;
type Working = Context & { db: Work };

export const accountList: Verb<Operations['platformAccountList']> = ({ db, actor }, { query, page }) =>
  readPage(db, page, {
    table: sql`accounts`,
    alias: 'a',
    where: sql`${seesAccount(actor)} AND ${nameContains('a.name', query.name)}`,
    item: accountJson,
    order: byNumber('a'),
  });

export const accountCreate: Verb<Operations['platformAccountCreate']> = (context, { body }) =>
  inTransaction(context, async (work) => {
    const { id } = await work.db
      .insertInto('accounts')
      .values({ name: body.name })
      .returning('id')
      .executeTakeFirstOrThrow();
    await audit(work, {
      action: 'platform_account_create',
      entity: { type: 'account', id, name: body.name },
      changes: [{ path: 'name', from: null, to: body.name }],
    });
    return showAccount(work, id);
  });

export const accountShow: Verb<Operations['platformAccountShow']> = (context, { subject }) =>
  showAccount(context, subject.id);

const showAccount = ({ db }: Context, id: number) =>
  showJson(db, accountJson, sql`accounts a WHERE a.id = ${id}`);

export const accountUpdate: Verb<Operations['platformAccountUpdate']> = (context, { params, body }) =>
  inTransaction(context, async (work) => {
    const { id, name } = await lockAccount(work.db, Number(params.accountId));
    await rename(work, 'account', { id, from: name, to: body.name });
    return showAccount(work, id);
  });

/** Only empty accounts can be deleted; their memberships go with them. */
export const accountDelete: Verb<Operations['platformAccountDelete']> = (context, { params }) =>
  inTransaction(context, async (work) => {
    const { id, name } = await lockAccount(work.db, Number(params.accountId));
    const { rows } = await sql`SELECT 1 FROM projects WHERE account_id = ${id} LIMIT 1`.execute(work.db);
    if (rows.length > 0) throw refused('Account still has projects.');
    await remove(work, 'account', { id, name });
  });

/** A right on something below the account is enough to list; who has only that sees nothing else of the account. */
export const projectList: Verb<Operations['platformProjectList']> = async (
  context,
  { params, query, page },
) => {
  const { db, actor } = context;
  const { id } = await findAccount(context, Number(params.accountId));
  const right = await rightAt(db, actor, { account: id });
  if (right === 'none' && !(await seesBelow(db, actor, { account: id }))) throw notFound('Account');
  return readPage(db, page, {
    table: sql`projects`,
    alias: 'p',
    where: sql`p.account_id = ${id} AND ${seesProject(actor)} AND ${nameContains('p.name', query.name)}`,
    item: projectJson,
    order: byNumber('p'),
  });
};

export const projectCreate: Verb<Operations['platformProjectCreate']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const id = await insertProject(work.db, subject.id, body.name);
    await audit(work, {
      action: 'platform_project_create',
      entity: { type: 'project', id, name: body.name },
      changes: [{ path: 'name', from: null, to: body.name }],
    });
    return showProject(work, id);
  });

export const projectShow: Verb<Operations['platformProjectShow']> = (context, { subject }) =>
  showProject(context, subject.id);

const showProject = ({ db }: Context, id: number) =>
  showJson(db, projectJson, sql`projects p WHERE p.id = ${id}`);

export const projectUpdate: Verb<Operations['platformProjectUpdate']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const { id, name } = await lockProject(work.db, subject.id);
    await rename(work, 'project', { id, from: name, to: body.name });
    return showProject(work, id);
  });

/** Only empty projects can be deleted; their memberships go with them. */
export const projectDelete: Verb<Operations['platformProjectDelete']> = (context, { subject }) =>
  inTransaction(context, async (work) => {
    const { id, name } = await lockProject(work.db, subject.id);
    const { rows } = await sql`SELECT 1 FROM sites WHERE project_id = ${id} LIMIT 1`.execute(work.db);
    if (rows.length > 0) throw refused('Project still has sites.');
    await remove(work, 'project', { id, name });
  });

const lockAccount = (db: Work, id: number) =>
  db
    .selectFrom('accounts')
    .select(['id', 'name'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => notFound('Account'));

const lockProject = (db: Work, id: number) =>
  db
    .selectFrom('projects')
    .select(['id', 'name'])
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirstOrThrow(() => notFound('Project'));

/** PATCH: without a name nothing changes. */
async function rename(
  work: Working,
  level: 'account' | 'project',
  { id, from, to = from }: { id: number; from: string; to?: string | undefined },
): Promise<void> {
  if (from === to) return;
  await work.db
    .updateTable(`${level}s`)
    .set({ name: to, updated_at: sql<Date>`now()` })
    .where('id', '=', id)
    .execute();
  await audit(work, {
    action: `platform_${level}_update`,
    entity: { type: level, id, name: to },
    changes: [{ path: 'name', from, to }],
  });
}

async function remove(
  work: Working,
  level: 'account' | 'project',
  { id, name }: { id: number; name: string },
): Promise<void> {
  await removeMemberships(work.db, level, id);
  await work.db.deleteFrom(`${level}s`).where('id', '=', id).execute();
  await audit(work, { action: `platform_${level}_delete`, entity: { type: level, id, name } });
}

/** A new project of the account; gives its id. */
export async function insertProject(db: Work, account: number, name: string): Promise<number> {
  const { id } = await db
    .insertInto('projects')
    .values({ account_id: account, name })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}
