import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../database/database.ts';
import type { KnownPlaces, Places, SiteNames } from './gateway.ts';

/** Which of the ids exist, with what is above them. */
export async function findPlaces(db: Database, places: Places): Promise<KnownPlaces> {
  const accounts = await db
    .selectFrom('accounts')
    .select('id')
    .where('id', 'in', listed(places.accounts))
    .execute();
  const projects = await db
    .selectFrom('projects')
    .select(['id', 'account_id as account'])
    .where('id', 'in', listed(places.projects))
    .execute();
  const sites = await db
    .selectFrom('sites as s')
    .innerJoin('projects as p', 'p.id', 's.project_id')
    .select(['s.id', 's.project_id as project', 'p.account_id as account'])
    .where('s.id', 'in', listed(places.sites))
    .execute();
  return {
    accounts: new Set(accounts.map(({ id }) => id)),
    projects: new Map(projects.map(({ id, account }) => [id, account])),
    sites: new Map(sites.map(({ id, project, account }) => [id, { project, account }])),
  };
}

/** Ids start at 1, so 0 finds nothing; an empty list would be no SQL. */
const listed = (ids: readonly number[]): number[] => (ids.length > 0 ? [...ids] : [0]);

/** Sites that lie neither in the list nor below one of the accounts and projects. */
export const sitesOutside = (
  db: Database,
  { accounts, projects, sites }: Places,
  most: number,
): Promise<SiteNames> =>
  named(
    db,
    sql`s.id <> ALL(${[...sites]}::integer[]) AND s.project_id <> ALL(${[...projects]}::integer[])
      AND s.project_id NOT IN (SELECT p.id FROM projects p WHERE p.account_id = ANY(${[...accounts]}::integer[]))`,
    most,
  );

export const sitesNamed = (db: Database, sites: readonly number[], most: number): Promise<SiteNames> =>
  named(db, sql`s.id = ANY(${[...sites]}::integer[])`, most);

async function named(db: Database, where: RawBuilder<unknown>, most: number): Promise<SiteNames> {
  const counted = await sql<{ count: number }>`SELECT count(*) AS count FROM sites s WHERE ${where}`.execute(
    db,
  );
  const { rows } = await sql<{ id: number; name: string }>`
    SELECT s.id, s.name FROM sites s WHERE ${where} ORDER BY s.id LIMIT ${most}`.execute(db);
  return { count: counted.rows[0]?.count ?? 0, sites: rows };
}

/** A site as the place where a connector is used that no part of it uses. */
export const sitePlace = (id: number): string => `site:${id}`;

/** A data source as the place where a connector is used. */
export const dataSourcePlace = (id: number): string => `data-source:${id}`;
