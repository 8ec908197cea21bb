import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import { type Context, inTransaction, type Work } from '../context.ts';
import { notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { rightAt, seesAccount, seesBelow, seesProject } from './rights.ts';
import { accountJson, nameContains, projectJson, showJson } from './store.ts';
import { findAccount } from './subjects.ts';

type Operations = typeof operations;

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

/** A new project of the account; gives its id. */
export async function insertProject(db: Work, account: number, name: string): Promise<number> {
  const { id } = await db
    .insertInto('projects')
    .values({ account_id: account, name })
    .returning('id')
    .executeTakeFirstOrThrow();
  return id;
}
