import type { RepositoryAccess } from '@slipway/engine';
import type { Database } from '../database/database.ts';
import type { Services } from '../services.ts';
import type { VersionRow } from './store.ts';

/**
 * The way into a version's repository, with its credential out of the vault.
 *
 * @returns null when a credential is needed and none is stored
 */
export async function repositoryAccess(
  db: Database,
  { vault, git }: Pick<Services, 'vault' | 'git'>,
  row: Pick<VersionRow, 'vcs_authorization' | 'vcs_username' | 'vcs_token' | 'vcs_deploy_key'>,
): Promise<RepositoryAccess | null> {
  switch (row.vcs_authorization) {
    case 'public':
      return { authorization: 'public' };
    case 'basic':
      if (row.vcs_token === null || row.vcs_username === null) return null;
      return {
        authorization: 'basic',
        username: row.vcs_username,
        token: await vault.open(db, row.vcs_token),
      };
    case 'deploy-key':
      if (row.vcs_deploy_key === null) return null;
      return {
        authorization: 'deploy-key',
        privateKey: await vault.open(db, row.vcs_deploy_key),
        knownHostsFile: git.knownHostsFile,
      };
    default:
      return null;
  }
}

/** What must not show in git's messages about this repository. */
export const credentialsOf = (access: RepositoryAccess | null): string[] =>
  access?.authorization === 'basic'
    ? [access.token]
    : access?.authorization === 'deploy-key'
      ? [access.privateKey]
      : [];
