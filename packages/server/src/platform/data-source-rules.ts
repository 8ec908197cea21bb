import {
  type BodyOf,
  type ConnectorType,
  type FieldErrors,
  messages,
  type operations,
  texts,
} from '@slipway/contract';
import { sql } from 'kysely';
import type { Context } from '../context.ts';
import type { Work } from '../database/database.ts';
import { type DeployedVersion, findDeployedOnSite } from '../versions/deployed.ts';
import { checkFormValues, type FormOwner, storedPasswords } from './form-values.ts';
import type { SiteSubject } from './subjects.ts';

export type DataSourceBody = BodyOf<(typeof operations)['platformDataSourceUpdate']>;
type Part = NonNullable<DataSourceBody['connector']>;

/** The source that a request changes, as far as the rules look at it. A new one has no id and uses nothing. */
export interface CheckedSource {
  id: number | null;
  site_id: number;
  kind: string;
  connector_id: string | null;
  connector_major: number | null;
  transform_id: string | null;
  transform_major: number | null;
}

/** Kinds that are made by this operation; files are uploaded, feedback comes from exports. */
export const creatableKinds: readonly string[] = ['connector', 'chain'];

export async function checkFields(
  db: Work,
  source: CheckedSource,
  body: DataSourceBody,
): Promise<FieldErrors> {
  const errors: FieldErrors = {};
  const { rows } = await sql`
    SELECT 1 FROM data_sources WHERE site_id = ${source.site_id} AND name = ${body.name}
      AND id IS DISTINCT FROM ${source.id}::integer`.execute(db);
  if (rows.length > 0) errors.name = texts.used;
  if ((body.role ?? 'main') === 'main') {
    // A main source appends; there is nothing to match.
    for (const key of ['key-column', 'match-column'] as const) {
      if (body[key]) errors[key] = texts.unexpected;
    }
  }
  return errors;
}

/** A part of the source that runs a connector, with the version behind it. */
export interface FoundPart {
  key: 'connector' | 'transform';
  version: DeployedVersion;
  values: Record<string, string>;
}

/** Whose form the values of a part are. */
export const ownerOf = (dataSource: number, { version }: FoundPart): FormOwner => ({
  dataSource,
  connectorId: version.connectorId,
  major: version.major,
});

/** Which connector type each part of a kind takes; a chain may consist of one half alone. */
const partTypes: Record<string, Partial<Record<FoundPart['key'], ConnectorType>>> = {
  connector: { connector: 'datasource' },
  chain: { connector: 'download', transform: 'transform' },
};

/** The connectors of a source of this kind, with what is wrong about them. */
export async function checkParts(
  context: Context,
  site: SiteSubject,
  source: CheckedSource,
  body: DataSourceBody,
): Promise<{ errors: FieldErrors; found: FoundPart[] }> {
  const wanted = partTypes[source.kind] ?? {};
  const errors: FieldErrors = {};
  const found: FoundPart[] = [];
  for (const key of ['connector', 'transform'] as const) {
    const part = body[key] ?? null;
    const type = wanted[key];
    if (part === null) continue;
    if (type === undefined) {
      errors[key] = texts.unexpected;
      continue;
    }
    const version = await findDeployedOnSite(context.db, part.id, part.version, site.id);
    const refusal = !version ? unavailable : refusalOf(version, type, site, source, key);
    if (refusal !== null) errors[key] = refusal;
    else if (version) {
      const values = part.values ?? {};
      const made: FoundPart = { key, version, values };
      const passwords =
        source.id === null ? new Set<string>() : await storedPasswords(context.db, ownerOf(source.id, made));
      Object.assign(errors, checkCredential(version, part, key));
      Object.assign(errors, checkFormValues(version.config.individuals, values, passwords, key));
      found.push(made);
    }
  }
  if (Object.keys(wanted).length > 0 && !body.connector && !body.transform) errors.connector = texts.blank;
  return { errors, found };
}

const unavailable = 'Connector is not available for this site.';

/** A source may keep the version it uses; any other must be offered to the site (6.3). */
function refusalOf(
  version: DeployedVersion,
  type: ConnectorType,
  site: SiteSubject,
  source: CheckedSource,
  key: FoundPart['key'],
): string | null {
  const used = source[`${key}_id`] === version.connectorId && source[`${key}_major`] === version.major;
  if (!used && !isOffered(version, site)) return unavailable;
  return version.type === type ? null : messages.wrongType(version.type);
}

/** May a site that does not use the version yet take it: released, granted, or its dev site (6.3)? */
export const isOffered = (
  { devSite, access }: Pick<DeployedVersion, 'devSite' | 'access'>,
  site: Pick<SiteSubject, 'id' | 'projectId' | 'accountId'>,
): boolean =>
  devSite === site.id ||
  access.released ||
  access.sites.includes(site.id) ||
  access.projects.includes(site.projectId) ||
  access.accounts.includes(site.accountId);

function checkCredential(version: DeployedVersion, part: Part, key: string): FieldErrors {
  const field = version.config.individuals.find((row) => row['field-type'] === 'authentication_select');
  const credential = part.credential ?? null;
  if (credential === null) return field?.['field-required'] ? { [`${key}.credential`]: texts.blank } : {};
  return { [`${key}.credential`]: 'Credential not found.' };
}
