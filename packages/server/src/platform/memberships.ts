import { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, denied, notFound } from '../errors.ts';
import { audit } from '../events/audit.ts';
import { requireBody } from '../http/body.ts';
import { readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { userExists } from '../identity/users.ts';
import { newId } from '../ids.ts';
import { showJson } from './store.ts';

type Operations = typeof operations;
type Level = 'account' | 'project' | 'site';

/** Alias `m`. */
const membershipJson = sql`json_build_object('id', m.id, 'user', m.user_id, 'level', m.level, 'target', m.target,
  'right', m."right", 'created-at', wire_time(m.created_at), 'updated-at', wire_time(m.updated_at))`;

/** SQL condition: the membership under `m` is on the account or on something below it. */
const within = (account: number): RawBuilder<boolean> => sql`(
  (m.level = 'account' AND m.target = ${account})
  OR (m.level = 'project' AND m.target IN (SELECT p.id FROM projects p WHERE p.account_id = ${account}))
  OR (m.level = 'site' AND m.target IN (
    SELECT s.id FROM sites s JOIN projects p ON p.id = s.project_id WHERE p.account_id = ${account})))`;

export const membershipList: Verb<Operations['platformMembershipList']> = ({ db }, { subject, page }) =>
  readPage(db, page, {
    table: sql`memberships`,
    alias: 'm',
    where: within(subject.id),
    item: membershipJson,
    order: { columns: [{ name: sql.ref('m.id'), type: 'uuid' }], direction: 'ASC' },
  });

/** One membership for each user and target; an earlier one is replaced. Nobody but an admin changes their own. */
export const membershipPut: Verb<Operations['platformMembershipPut']> = (
  context,
  { subject, params, body },
) =>
  inTransaction(context, async (work) => {
    const user = params.userId;
    if (!(await userExists(work.db, user))) throw notFound('User');
    if (user === work.actor.id && work.actor.role !== 'admin') throw denied();
    const { platformMembershipPut: operation } = operations;
    const { level, target, right } = requireBody(operation.body, body, operation.rules);
    if (!(await keepPart(work.db, subject.id, level, target))) {
      throw badRequest({ target: 'This value is not part of the account.' });
    }
    const before = await work.db
      .selectFrom('memberships')
      .select('right')
      .where('user_id', '=', user)
      .where('level', '=', level)
      .where('target', '=', target)
      .forUpdate()
      .executeTakeFirst();
    const { id } = await work.db
      .insertInto('memberships')
      .values({ id: newId(), user_id: user, level, target, right })
      .onConflict((conflict) =>
        conflict.columns(['user_id', 'level', 'target']).doUpdateSet({ right, updated_at: sql<Date>`now()` }),
      )
      .returning('id')
      .executeTakeFirstOrThrow();
    await audit(work, {
      action: 'platform_membership_put',
      entity: { type: 'membership', id, name: null },
      changes: [{ path: `${user}.${level}.${target}.right`, from: before?.right ?? null, to: right }],
    });
    return showJson(work.db, membershipJson, sql`memberships m WHERE m.id = ${id}`);
  });

/** Is it the account, or part of it? It stays until the transaction ends, so that no membership is left behind. */
async function keepPart(db: Work, account: number, level: Level, target: number): Promise<boolean> {
  const part = {
    account: sql`accounts k WHERE k.id = ${target} AND k.id = ${account}`,
    project: sql`projects k WHERE k.id = ${target} AND k.account_id = ${account}`,
    site: sql`sites k JOIN projects p ON p.id = k.project_id WHERE k.id = ${target} AND p.account_id = ${account}`,
  }[level];
  const { rows } = await sql`SELECT 1 FROM ${part} FOR KEY SHARE OF k`.execute(db);
  return rows.length > 0;
}

/** Without level and target all memberships of the user in the account. */
export const membershipDelete: Verb<Operations['platformMembershipDelete']> = (
  context,
  { subject, params, query },
) =>
  inTransaction(context, async (work) => {
    const { rows } = await sql<{ id: string; level: Level; target: number; right: string }>`
      DELETE FROM memberships m WHERE m.user_id = ${params.userId} AND ${within(subject.id)}
        AND ${query.level === undefined ? sql`true` : sql`m.level = ${query.level}`}
        AND ${query.target === undefined ? sql`true` : sql`m.target = ${query.target}`}
      RETURNING m.id, m.level, m.target, m."right"`.execute(work.db);
    if (rows.length === 0) throw notFound('Membership');
    await audit(work, {
      action: 'platform_membership_delete',
      entity: { type: 'account', id: subject.id, name: subject.name },
      changes: rows.map(({ level, target, right }) => ({
        path: `${params.userId}.${level}.${target}.right`,
        from: right,
        to: null,
      })),
    });
  });

/** Nobody has a right on what is gone. */
export async function removeMemberships(db: Work, level: Level, target: number): Promise<void> {
  await db.deleteFrom('memberships').where('level', '=', level).where('target', '=', target).execute();
}
