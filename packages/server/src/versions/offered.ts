import type { Page } from '@slipway/contract';
import { type RawBuilder, sql } from 'kysely';
import { contains } from '../database/contains.ts';
import type { Database } from '../database/database.ts';
import type { ListResult } from '../http/list-result.ts';
import { readPage } from '../http/paging.ts';
import type { Settings } from '../settings.ts';
import { logoAddress } from './representation.ts';

/** What a list of versions on offer is narrowed to. */
export interface OfferFilter {
  type?: string | undefined;
  category?: string | undefined;
  name?: string | undefined;
}

/**
 * The versions that a site may use (6.3): its own dev versions as they run there, else what is released or granted, each
 * as it was deployed.
 */
export function listOffered(
  db: Database,
  { publicUrl }: Settings,
  page: Page,
  site: { id: number; projectId: number; accountId: number },
  filter: OfferFilter,
): Promise<ListResult> {
  const dev = sql<boolean>`(v.dev_site IS NOT DISTINCT FROM ${site.id}::integer)`;
  const config = sql`(CASE WHEN ${dev} THEN v.dev_config ELSE v.prod_config END)`;
  return readPage(db, page, {
    table: sql`connector_versions`,
    alias: 'v',
    where: sql`${config} IS NOT NULL
      AND (${dev} OR v.released OR ${site.id}::integer = ANY(v.enabled_for_sites)
        OR ${site.projectId}::integer = ANY(v.enabled_for_projects)
        OR ${site.accountId}::integer = ANY(v.enabled_for_accounts))
      AND EXISTS (SELECT 1 FROM connectors c WHERE c.id = v.connector_id AND c.deleted_at IS NULL
        AND ${filter.type === undefined ? sql`true` : sql`c.type = ${filter.type}`})
      AND ${filter.name === undefined ? sql`true` : contains('v.name', filter.name)}
      AND ${filter.category === undefined ? sql`true` : sql`${categories(config)}::jsonb ? ${filter.category}::text`}`,
    item: sql`json_build_object(
      'id', v.connector_id, 'type', (SELECT c.type FROM connectors c WHERE c.id = v.connector_id),
      'name', v.name, 'version', v.major, 'logo', ${logoAddress(publicUrl)}, 'description', v.description,
      'readme', v.readme, 'categories', ${categories(config)},
      'environment', CASE WHEN ${dev} THEN 'dev' ELSE 'prod' END,
      'fields', ${config} -> 'individuals', 'authentications', ${config} -> 'authentication-registrations')`,
    order: {
      columns: [
        { name: sql.ref('v.connector_id'), type: 'uuid' },
        { name: sql.ref('v.major'), type: 'integer' },
      ],
      direction: 'ASC',
    },
  });
}

/** End users find a data source without a category among the miscellaneous ones; other types have none. */
const categories = (config: RawBuilder<unknown>): RawBuilder<unknown> => sql`
  (CASE WHEN json_typeof(${config} -> 'datasource') IS DISTINCT FROM 'object' THEN '[]'
    WHEN (${config} -> 'datasource' -> 'categories')::text = '[]' THEN '["miscellaneous"]'
    ELSE ${config} -> 'datasource' -> 'categories' END)`;
