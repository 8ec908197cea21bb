import type Docker from 'dockerode';
import type { GitSettings } from '../git/repository.ts';

/** Where images are pushed to. */
export interface Registry {
  /** `host[:port][/path]`, as it stands before an image's name. */
  readonly address: string;
  /** Null: the registry takes everybody. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
}

/** What the driver gives to every build and run. */
export interface DockerHost {
  readonly docker: Docker;
  /** Folder for checkouts; belongs to the engine alone. */
  readonly workFolder: string;
  /** Id of the installation, see `LABEL.installation`. */
  readonly installation: string;
  readonly git: GitSettings;
  readonly registry: Registry | null;
  /** Image of the sidecar, unless a run names another. */
  readonly sidecarImage: string;
  /** Bytes of build cache that are kept. */
  readonly cacheBytes: number;
  /** Names and addresses of the control plane and its database, which no connector may reach. */
  readonly ownHosts: readonly string[];
  /** A daemon that is being restarted has so long to come back, in milliseconds. */
  readonly daemonAwayMs: number;
}

/** What the server's settings say about Docker. */
export interface DockerSettings
  extends Pick<DockerHost, 'installation' | 'registry' | 'cacheBytes' | 'ownHosts'> {
  /** `unix:///path`, `tcp://host:port` and the like; the daemon has to see this machine's files. */
  readonly host: string;
  /** Image of the sidecar; null: the one that is built from these sources. */
  readonly sidecarImage: string | null;
  /** See {@link DockerHost}; only tests want it shorter. */
  readonly daemonAwayMs?: number;
}
