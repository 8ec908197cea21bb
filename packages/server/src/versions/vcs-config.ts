import { createMasker } from '@slipway/container-api';
import {
  type FieldErrors,
  isBranchName,
  isRepositoryDirectory,
  isRepositoryUrl,
  operations,
  parseRepositoryUrl,
  texts,
  type VcsAuthorization,
} from '@slipway/contract';
import { probeRepository } from '@slipway/engine';
import { sql } from 'kysely';
import { type Context, inTransaction } from '../context.ts';
import type { Work } from '../database/database.ts';
import { badRequest, Refusal, wrongState } from '../errors.ts';
import { audit, changesBetween } from '../events/audit.ts';
import { requireBody } from '../http/body.ts';
import type { Input } from '../http/route.ts';
import { RawJson } from '../json.ts';
import { changeConfiguration } from './change-configuration.ts';
import { generateDeployKey } from './deploy-key.ts';
import { credentialsOf, repositoryAccess } from './repository-access.ts';
import { vcsJson } from './representation.ts';
import type { VersionSubject } from './resolver.ts';
import { lockVersion, type VersionRow } from './store.ts';
import { isInFlight } from './transitions.ts';

/** `GET …/vcs-configs` */
export async function showVcsConfig(
  context: Context,
  { subject }: Input<typeof operations.connectorShowVcsConfig>,
): Promise<RawJson> {
  const { rows } = await sql<{ json: string | null }>`
    SELECT (${vcsJson(true)})::text AS json FROM connector_versions v WHERE v.id = ${subject.id}`.execute(
    context.db,
  );
  return new RawJson(rows[0]?.json ?? 'null');
}

interface VcsBody {
  authorization: VcsAuthorization;
  url: string;
  branch?: string;
  username?: string | null;
  token?: string | null;
  directory?: string | null;
}

/** `PUT …/vcs-configs`: the token goes to the vault; a deploy key is made the first time and kept. */
export async function updateVcsConfig(
  context: Context,
  { subject, body }: Input<typeof operations.connectorUpdateVcsConfig>,
): Promise<void> {
  const stored = await context.db
    .selectFrom('connector_versions')
    .select(['vcs_token', 'vcs_url'])
    .where('id', '=', subject.id)
    .executeTakeFirstOrThrow();
  const { allowLocalRepositories } = context.services.settings;
  const operation = operations.connectorUpdateVcsConfig;
  const wanted: VcsBody = requireBody(operation.body, body, (given) =>
    fieldRules(given as Partial<VcsBody>, stored, allowLocalRepositories),
  );
  await changeConfiguration(context, operation, subject, async (work, row) => {
    const next = await nextColumns(work, subject, row, wanted);
    const changes = changesBetween(auditedOf(row), auditedOf(next.columns));
    if (wanted.token) changes.push({ path: 'token', from: row.vcs_token ? '***' : null, to: '***' });
    return { columns: next.columns, finishes: 'vcs-config', changes };
  });
}

/** A stored token may stay when none is sent, as long as it goes to the same host. */
const tokenStays = (stored: { vcs_token: string | null; vcs_url: string | null }, url: string): boolean =>
  stored.vcs_token !== null &&
  stored.vcs_url !== null &&
  parseRepositoryUrl(stored.vcs_url)?.host === parseRepositoryUrl(url)?.host;

function fieldRules(
  given: Partial<VcsBody>,
  stored: { vcs_token: string | null; vcs_url: string | null },
  allowLocal: boolean,
): FieldErrors {
  const errors: FieldErrors = {};
  const { authorization, url, branch, username, token, directory } = given;
  const known = authorization === 'public' || authorization === 'basic' || authorization === 'deploy-key';
  if (
    typeof url === 'string' &&
    url !== '' &&
    known &&
    !isRepositoryUrl(url, authorization, { allowLocal })
  ) {
    errors.url = 'This value is not a valid repository URL.';
  }
  if (typeof branch === 'string' && !isBranchName(branch)) errors.branch = texts.invalid;
  if (typeof directory === 'string' && directory !== '' && !isRepositoryDirectory(directory)) {
    errors.directory = 'This value is not a valid path.';
  }
  if (authorization === 'basic') {
    if (!username) errors.username = texts.blank;
    if (!token && !(typeof url === 'string' && tokenStays(stored, url))) errors.token = texts.blank;
  }
  return errors;
}

async function nextColumns(
  work: Context & { db: Work },
  subject: VersionSubject,
  row: VersionRow,
  wanted: VcsBody,
) {
  const sameAddress = row.vcs_url === wanted.url;
  const credentials = await nextCredentials(work, subject, row, wanted);
  return {
    columns: {
      vcs_authorization: wanted.authorization,
      vcs_url: wanted.url,
      vcs_branch: wanted.branch || 'main',
      vcs_username: wanted.authorization === 'basic' ? (wanted.username ?? null) : null,
      vcs_directory: wanted.directory || null,
      vcs_latest_commit: sameAddress ? row.vcs_latest_commit : null,
      ...credentials,
    },
  };
}

/** Another authorization deletes what the old one stored. */
async function nextCredentials(
  { db, services: { vault } }: Context & { db: Work },
  subject: VersionSubject,
  row: VersionRow,
  wanted: VcsBody,
): Promise<Pick<VersionRow, 'vcs_token' | 'vcs_deploy_key' | 'vcs_deploy_key_public'>> {
  const next = { vcs_token: null, vcs_deploy_key: null, vcs_deploy_key_public: null } as Pick<
    VersionRow,
    'vcs_token' | 'vcs_deploy_key' | 'vcs_deploy_key_public'
  >;
  if (wanted.authorization === 'basic') {
    // The check of the request saw the row unlocked; another writer may have taken the token away since.
    if (!wanted.token && !tokenStays(row, wanted.url)) throw badRequest({ token: texts.blank });
    next.vcs_token = wanted.token ? await vault.put(db, 'vcs-token', wanted.token) : row.vcs_token;
  }
  if (wanted.authorization === 'deploy-key') {
    if (row.vcs_deploy_key) {
      next.vcs_deploy_key = row.vcs_deploy_key;
      next.vcs_deploy_key_public = row.vcs_deploy_key_public;
    } else {
      Object.assign(next, await storeDeployKey(db, vault, subject));
    }
  }
  await db.updateTable('connector_versions').set(next).where('id', '=', subject.id).execute();
  if (row.vcs_token && row.vcs_token !== next.vcs_token) await vault.remove(db, row.vcs_token);
  if (row.vcs_deploy_key && row.vcs_deploy_key !== next.vcs_deploy_key)
    await vault.remove(db, row.vcs_deploy_key);
  return next;
}

async function storeDeployKey(db: Work, vault: Context['services']['vault'], subject: VersionSubject) {
  const key = generateDeployKey(`slipway ${subject.connectorId} v${subject.major}`);
  return {
    vcs_deploy_key: await vault.put(db, 'deploy-key', key.privateKey),
    vcs_deploy_key_public: key.publicKey,
  };
}

const auditedOf = (row: Partial<VersionRow>): Record<string, unknown> => ({
  authorization: row.vcs_authorization,
  url: row.vcs_url,
  branch: row.vcs_branch,
  username: row.vcs_username,
  directory: row.vcs_directory,
  'deploy-key-public': row.vcs_deploy_key_public,
});

/** `POST …/vcs-configs/deploy-key`: the old pair is deleted, the state does not change. */
export function renewDeployKey(
  context: Context,
  { subject }: Input<typeof operations.connectorRenewDeployKey>,
): Promise<RawJson> {
  return inTransaction(context, async (work) => {
    const row = await lockVersion(work.db, subject.id);
    if (isInFlight(row.state)) throw wrongState(row.state);
    if (row.vcs_authorization !== 'deploy-key') {
      throw badRequest({ authorization: 'The repository is not accessed with a deploy key.' });
    }
    const { vault } = work.services;
    const key = await storeDeployKey(work.db, vault, subject);
    await work.db
      .updateTable('connector_versions')
      .set({ ...key, updated_at: sql<Date>`now()` })
      .where('id', '=', subject.id)
      .execute();
    if (row.vcs_deploy_key) await vault.remove(work.db, row.vcs_deploy_key);
    await audit(work, {
      action: operations.connectorRenewDeployKey.id,
      entity: {
        type: 'connector-version',
        id: `${subject.connectorId}/${subject.major}`,
        name: subject.name,
      },
      connector: subject.connectorId,
      changes: [
        { path: 'deploy-key-public', from: row.vcs_deploy_key_public, to: key.vcs_deploy_key_public },
      ],
    });
    return showVcsConfig(work, { subject } as Input<typeof operations.connectorShowVcsConfig>);
  });
}

/** `GET …/vcs-configs/validate`: git's own reason when the repository can not be read. */
export async function validateVcsConfig(
  context: Context,
  { subject }: Input<typeof operations.connectorValidateVcsConfig>,
): Promise<void> {
  const { db, services } = context;
  const row = await db
    .selectFrom('connector_versions')
    .select(['vcs_authorization', 'vcs_url', 'vcs_branch', 'vcs_username', 'vcs_token', 'vcs_deploy_key'])
    .where('id', '=', subject.id)
    .executeTakeFirstOrThrow();
  if (row.vcs_url === null) throw invalidVcs('VCS config is missing.');
  const access = await repositoryAccess(db, services, row);
  if (!access) throw invalidVcs('VCS secret from Vault is missing');
  const masker = createMasker(credentialsOf(access));
  const reason = await probeRepository({
    url: row.vcs_url,
    branch: row.vcs_branch ?? 'main',
    access,
    settings: services.git.settings,
    mask: (text) => masker.mask(text),
  });
  if (reason !== null) throw invalidVcs(reason);
}

const invalidVcs = (reason: string): Refusal =>
  new Refusal(400, { message: 'VCS config is not valid.', errors: { vcs: reason } });
