import type { operations } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import { notFound } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import type { ListResult } from '../http/list-result.ts';
import { byNumber, readPage } from '../http/paging.ts';
import type { Verb } from '../http/route.ts';
import { rightAt, seesBelow, seesSite } from './rights.ts';
import { nameContains, showJson, siteJson } from './store.ts';
import { findProject } from './subjects.ts';

type Operations = typeof operations;

/** A right on something below the project is enough to list. */
export const siteList: Verb<Operations['platformSiteList']> = async (context, { params, query, page }) => {
  const { db, actor } = context;
  const project = await findProject(context, Number(params.projectId));
  const right = await rightAt(db, actor, { account: project.accountId, project: project.id });
  if (right === 'none' && !(await seesBelow(db, actor, { project: project.id }))) throw notFound('Project');
  return listSites(context, page, query.name, sql`s.project_id = ${project.id}`);
};

/** All sites the caller has a right on. */
export const siteAllList: Verb<Operations['platformSiteAllList']> = (context, { query, page }) =>
  listSites(context, page, query.name, sql`true`);

const listSites = (
  { db, actor }: Context,
  page: Parameters<typeof readPage>[1],
  name: string | undefined,
  where: RawBuilder<boolean>,
): Promise<ListResult> =>
  readPage(db, page, {
    table: sql`sites`,
    alias: 's',
    where: sql`${where} AND ${seesSite(actor)} AND ${nameContains('s.name', name)}`,
    item: siteJson,
    order: byNumber('s'),
  });

export const siteCreate: Verb<Operations['platformSiteCreate']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const values = {
      name: body.name,
      id_column: body['id-column'] === undefined ? 'id' : body['id-column'],
      shrink_guard: body['shrink-guard'] ?? null,
      status: body.status ?? 'active',
    };
    const { id } = await work.db
      .insertInto('sites')
      .values({ project_id: subject.id, ...values })
      .returning('id')
      .executeTakeFirstOrThrow();
    await audit(work, {
      action: 'platform_site_create',
      entity: { type: 'site', id, name: body.name },
      changes: changesBetween({}, wireNames(values)),
    });
    return showSite(work, id);
  });

export const siteShow: Verb<Operations['platformSiteShow']> = (context, { subject }) =>
  showSite(context, subject.id);

export const siteUpdate: Verb<Operations['platformSiteUpdate']> = (context, { subject, body }) =>
  inTransaction(context, async (work) => {
    const before = await work.db
      .selectFrom('sites')
      .select(['name', 'id_column', 'shrink_guard', 'status'])
      .where('id', '=', subject.id)
      .forUpdate()
      .executeTakeFirst();
    if (!before) throw notFound('Site');
    const after = {
      name: body.name ?? before.name,
      id_column: body['id-column'] === undefined ? before.id_column : body['id-column'],
      shrink_guard: body['shrink-guard'] === undefined ? before.shrink_guard : body['shrink-guard'],
      status: body.status ?? before.status,
    };
    const changes = changesBetween(wireNames(before), wireNames(after));
    if (changes.length > 0) {
      await work.db
        .updateTable('sites')
        .set({ ...after, updated_at: sql`now()` })
        .where('id', '=', subject.id)
        .execute();
      await audit(work, {
        action: 'platform_site_update',
        entity: { type: 'site', id: subject.id, name: after.name },
        changes,
      });
    }
    return showSite(work, subject.id);
  });

/** Column names as the API writes them. */
const wireNames = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name.replaceAll('_', '-'), value]));

const showSite = ({ db }: Context, id: number) => showJson(db, siteJson, sql`sites s WHERE s.id = ${id}`);
