import {
  body,
  type ConnectorType,
  ContainerApiConfigBody,
  checkBody,
  choice,
  connectorTypes,
  DataServiceConfigBody,
  DatasourceConfigBody,
  type ExecutionMode,
  ExportConfigBody,
  executionModes,
  FeatureFlagsBody,
  type FieldErrors,
  type Flow,
  flows,
  isBranchName,
  isRepositoryUrl,
  nullableText,
  operations,
  optional,
  requiredText,
  text,
  texts,
} from '@slipway/contract';
import type { TSchema } from 'typebox';
import { type IndividualBody, individualRules } from '../versions/individual-rules.ts';
import { dataServiceDefaults, exportDefaults } from '../versions/insert-version.ts';

/** What is read of the JSON of a connector (`connector_import`), checked in form; what it refers to is looked up later. */
export interface ImportedConnector {
  type: ConnectorType;
  name: string;
  description: string | null;
  readme: string | null;
  flow: Flow;
  version: { name: string | null; description: string | null; readme: string | null };
  executionMode: ExecutionMode | null;
  application: { command: string; arguments: string | null; healthCheck: string | null } | null;
  vcs: { url: string; branch: string } | null;
  secrets: string[];
  authentications: number[];
  additionalFields: string[];
  individuals: IndividualBody[];
  categories: string[];
  exportConfig: object | null;
  dataServiceConfig: object | null;
  featureFlags: string[];
  containerApiConfig: object | null;
}

type Source = Record<string, unknown>;

const Head = body({
  name: requiredText(),
  type: choice(connectorTypes),
  description: optional(nullableText({ max: 2000 })),
  readme: optional(nullableText({ max: 65_536, verbatim: true })),
  flow: optional(choice(flows)),
});
const VersionHead = body({
  name: optional(nullableText()),
  description: optional(nullableText({ max: 2000 })),
  readme: optional(nullableText({ max: 65_536, verbatim: true })),
});
const Vcs = body({ url: requiredText({ max: 2000 }), branch: optional(text()) });
const Mode = body({ executionMode: optional(choice(executionModes)) });
const namePattern = /^[A-Za-z][A-Za-z0-9_-]*$/;

/** Collects the errors of the parts under the keys of the whole. */
class Reader {
  readonly errors: FieldErrors = {};

  /** The checked value, or undefined with its errors kept under `prefix`. */
  check<S extends TSchema>(
    schema: S,
    value: unknown,
    prefix: string,
    rules?: Parameters<typeof checkBody>[2],
  ) {
    const checked = checkBody(schema, value, rules);
    if (checked.ok) return checked.value;
    for (const [key, error] of Object.entries(checked.errors)) this.errors[prefix + key] = error;
    return undefined;
  }
}

/**
 * Reads the answer of `connector_show`, its `data` or the whole envelope. Everything that is not named in the contract
 * is ignored, whatever its key.
 */
export function readImport(
  given: Source,
  { allowLocal }: { allowLocal: boolean },
): ImportedConnector | FieldErrors {
  const source = isObject(given.data) && !Array.isArray(given.versions) ? given.data : given;
  const reader = new Reader();
  const head = reader.check(Head, pick(source, ['name', 'type', 'description', 'readme', 'flow']), '');
  const version = newestVersion(source.versions);
  if (!version) reader.errors.versions = texts.blank;
  const versionHead = reader.check(VersionHead, pick(version ?? {}, ['name', 'description', 'readme']), '');
  const config = isObject(version?.config) ? version.config : {};
  const type = head?.type ?? (source.type as ConnectorType);
  const parts = readConfig(reader, config, type, allowLocal);
  if (Object.keys(reader.errors).length > 0 || !head || !versionHead) return reader.errors;
  return {
    type: head.type,
    name: head.name,
    description: head.description || null,
    readme: head.readme || null,
    flow: head.flow ?? 'default',
    version: {
      name: versionHead.name || null,
      description: versionHead.description || null,
      readme: versionHead.readme || null,
    },
    ...parts,
  };
}

/** Is it errors that came back? A connector has a type. */
export const isErrors = (result: ImportedConnector | FieldErrors): result is FieldErrors =>
  !('individuals' in result && 'secrets' in result);

function readConfig(reader: Reader, config: Source, type: ConnectorType, allowLocal: boolean) {
  const execution = isObject(config.execution) ? config.execution : {};
  const mode = reader.check(Mode, pickAs(execution, 'execution-mode', 'executionMode'), '');
  return {
    executionMode: mode?.executionMode ?? null,
    application: readApplication(reader, config.application),
    vcs: readVcs(reader, config.vcs, allowLocal),
    secrets: readSecrets(config['secret-registrations']),
    authentications: readAuthentications(reader, config['authentication-registrations']),
    additionalFields: readNames(reader, config['authentication-registrations-additional-fields']),
    individuals: readIndividuals(reader, config.individuals, type),
    categories: readCategories(reader, config.datasource, type),
    exportConfig: isExport(type) ? readExport(config.export) : null,
    dataServiceConfig: type === 'data-service' ? readDataService(config['data-service']) : null,
    featureFlags: readFlags(config['feature-flags']),
    containerApiConfig: readContainerApi(config['container-api-config']),
  };
}

const isExport = (type: string): boolean => type === 'export' || type === 'export-delta';

function readApplication(reader: Reader, given: unknown): ImportedConnector['application'] {
  if (!isObject(given)) return null;
  const { body: schema, rules } = operations.connectorUpdateApplicationConfig;
  const part = reader.check(
    schema,
    pick(given, ['command', 'arguments', 'health-check']),
    'application.',
    rules,
  );
  return part
    ? { command: part.command, arguments: part.arguments || null, healthCheck: part['health-check'] || null }
    : null;
}

function readVcs(reader: Reader, given: unknown, allowLocal: boolean): ImportedConnector['vcs'] {
  if (!isObject(given)) return null;
  const part = reader.check(Vcs, pick(given, ['url', 'branch']), 'vcs.', ({ url, branch }) => ({
    // Whatever the original used: https and ssh forms are both taken, the copy is public.
    ...(typeof url === 'string' && !isKnownUrl(url, allowLocal)
      ? { url: 'This value is not a valid repository URL.' }
      : {}),
    ...(typeof branch === 'string' && branch !== '' && !isBranchName(branch)
      ? { branch: texts.invalid }
      : {}),
  }));
  return part ? { url: part.url, branch: part.branch || 'main' } : null;
}

const isKnownUrl = (url: string, allowLocal: boolean): boolean =>
  isRepositoryUrl(url, 'public', { allowLocal }) || isRepositoryUrl(url, 'deploy-key');

const readSecrets = (given: unknown): string[] =>
  (Array.isArray(given) ? given : []).map((entry) =>
    isObject(entry) && typeof entry.vault_secret === 'string' ? entry.vault_secret.trim() : '',
  );

function readAuthentications(reader: Reader, given: unknown): number[] {
  const ids = Array.isArray(given) ? given : [];
  const wrong = ids.filter((id) => !Number.isSafeInteger(id) || id < 1 || id > 2_147_483_647);
  if (wrong.length === 0) return [...new Set(ids as number[])];
  const shown = wrong.map((id) => (typeof id === 'number' ? String(id) : JSON.stringify(id))).join(',');
  reader.errors.authenticationRegistrations = `Authentications don't exist in the store: ${shown}`;
  return [];
}

function readNames(reader: Reader, given: unknown): string[] {
  const names = Array.isArray(given) ? given : [];
  names.forEach((name, index) => {
    if (typeof name !== 'string' || !namePattern.test(name.trim()) || name.length > 255) {
      reader.errors[`authenticationRegistrationsAdditionalFields[${index}]`] = texts.invalid;
    }
  });
  return names.filter((name) => typeof name === 'string').map((name) => name.trim());
}

const fieldKeys = Object.keys(operations.connectorIndividualConfigAdd.body.properties);

function readIndividuals(reader: Reader, given: unknown, type: ConnectorType): IndividualBody[] {
  const fields: IndividualBody[] = [];
  (Array.isArray(given) ? given : []).forEach((entry, index) => {
    if (isObject(entry) && entry['field-type'] === 'authentication_select') return;
    const others = fields.map((field) => field['command-option'] as string);
    const field = reader.check(
      operations.connectorIndividualConfigAdd.body,
      pick(isObject(entry) ? entry : {}, fieldKeys),
      `individuals[${index}].`,
      (value) => individualRules(value, { type, others }),
    );
    if (field) fields.push(field);
  });
  return fields;
}

function readCategories(reader: Reader, given: unknown, type: ConnectorType): string[] {
  if (type !== 'datasource') return [];
  const categories = isObject(given) && Array.isArray(given.categories) ? given.categories : [];
  if (categories.length === 0) return ['miscellaneous'];
  return reader.check(DatasourceConfigBody, { categories }, 'datasource.')?.categories ?? [];
}

/** Copied when valid, without channels; else left at its defaults. */
function readExport(given: unknown): object {
  if (!isObject(given)) return exportDefaults;
  const checked = checkBody(ExportConfigBody, pick(given, Object.keys(ExportConfigBody.properties)));
  if (!checked.ok) return exportDefaults;
  return { ...exportDefaults, ...checked.value };
}

function readDataService(given: unknown): object {
  if (!isObject(given)) return dataServiceDefaults;
  const checked = checkBody(DataServiceConfigBody, pick(given, Object.keys(dataServiceDefaults)));
  return checked.ok ? { ...dataServiceDefaults, ...checked.value } : dataServiceDefaults;
}

function readFlags(given: unknown): string[] {
  const checked = checkBody(FeatureFlagsBody, { 'feature-flags': given });
  return checked.ok ? checked.value['feature-flags'] : [];
}

function readContainerApi(given: unknown): object | null {
  const checked = isObject(given) ? checkBody(ContainerApiConfigBody, given) : null;
  return checked?.ok && Object.keys(checked.value).length > 0 ? checked.value : null;
}

/** The entry with the highest `version`; entries without that key follow their place. */
function newestVersion(given: unknown): Source | null {
  const entries = (Array.isArray(given) ? given : []).filter(isObject);
  let newest: Source | null = null;
  for (const entry of entries) {
    if (!newest || compareVersions(entry.version, newest.version) >= 0) newest = entry;
  }
  return newest;
}

function compareVersions(a: unknown, b: unknown): number {
  const parts = (value: unknown): number[] =>
    (/^\d+(\.\d+)*/.exec(String(value))?.[0] ?? '0').split('.').map(Number);
  const [left, right] = [parts(a), parts(b)];
  for (let index = 0; index < 3; index += 1) {
    const difference = (left[index] ?? 0) - (right[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

const isObject = (value: unknown): value is Source =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const pick = (source: Source, keys: readonly string[]): Source =>
  Object.fromEntries(keys.filter((key) => source[key] !== undefined).map((key) => [key, source[key]]));

const pickAs = (source: Source, key: string, as: string): Source =>
  source[key] === undefined ? {} : { [as]: source[key] };
