import type { DockerSettings } from '@slipway/engine';
import { sql } from 'kysely';
import type { Database } from './database/database.ts';
import type { Settings } from './settings.ts';
import { BUILT_IN_CONTAINER_API } from './settings-table.ts';

/** Build cache that is kept at the Docker Engine. */
const CACHE_BYTES = 10 * 1024 ** 3;

/** What the engine docker is told; null when the settings name no daemon. */
export function dockerSettings(
  settings: Settings,
  databaseUrl: string,
  installation: string,
): DockerSettings | null {
  const { dockerHost: host, registry, registryUsername: username, registryPassword: password } = settings;
  if (host === null) return null;
  const { containerApiImage } = settings;
  return {
    host,
    installation,
    registry:
      registry === null
        ? null
        : {
            address: registry.replace(/^https?:\/\//, '').replace(/\/+$/, ''),
            credentials: username === null || password === null ? null : { username, password },
          },
    sidecarImage: containerApiImage === BUILT_IN_CONTAINER_API ? null : containerApiImage,
    cacheBytes: CACHE_BYTES,
    ownHosts: [databaseUrl, settings.publicUrl].flatMap(hostOf),
  };
}

/** A database on a unix socket has no host. */
function hostOf(url: string): string[] {
  const host = URL.canParse(url) ? new URL(url).hostname.replace(/^\[|\]$/g, '') : '';
  return host === '' ? [] : [host];
}

/**
 * Id of this installation: all servers on one database, and no other. It names what belongs to it at a Docker Engine that
 * others may use too.
 */
export async function installationId(db: Database): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    SELECT md5((SELECT system_identifier FROM pg_control_system())::text || '/' || current_database() || '/'
      || (SELECT oid FROM pg_database WHERE datname = current_database())::text) AS id`.execute(db);
  return (rows[0] as { id: string }).id;
}
