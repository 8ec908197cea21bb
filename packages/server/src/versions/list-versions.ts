import type { operations } from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { ListResult } from '../http/list-result.ts';
import { readPage } from '../http/paging.ts';
import type { Input } from '../http/route.ts';
import { versionRepresentation } from './representation.ts';

/** `GET /connectors/{publicId}/versions`: highest major first. */
export const listVersions = (
  { db, services }: Context,
  { subject, page }: Input<typeof operations.connectorVersionList>,
): Promise<ListResult> =>
  readPage(db, page, {
    table: sql`connector_versions`,
    alias: 'v',
    where: sql`v.connector_id = ${subject.id}`,
    // A connector in the bin has no list.
    item: versionRepresentation(services.settings.publicUrl, sql`NULL::timestamptz`),
    order: { columns: [{ name: sql.ref('v.major'), type: 'integer' }], direction: 'DESC' },
  });
