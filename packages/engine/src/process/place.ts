import { existsSync, realpathSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { BundleRecord } from './bundle-store.ts';
import { PYTHON_FOLDER } from './bundle-store.ts';
import { SOCKETS_INSIDE } from './network.ts';
import type { RunFolder } from './run-folder.ts';
import {
  hostsFile,
  INSIDE,
  insideIds,
  type SandboxArguments,
  type SandboxTools,
  sandboxArguments,
  sandboxPath,
} from './sandbox.ts';

/** What of the machine a driver uses; found once at its start. */
export interface Machine {
  /** The server's own PATH and LANG, the only variables a connector gets from it. */
  readonly path: string;
  readonly lang: string;
  readonly prlimit: string | null;
  /** Null for the engine without isolation. */
  readonly sandbox: { readonly bwrap: string; readonly tools: SandboxTools } | null;
}

/** Paths as the program sees them. */
export interface Place {
  readonly bundle: string;
  readonly workingFolder: string;
  readonly exchangeFolder: string;
  readonly home: string;
  readonly temporaryFolder: string;
  readonly path: string;
  /** Variables of the image, with the bundle's own folders filled in. */
  readonly imageVariables: Record<string, string>;
}

/** Works out the paths of a run, health check or installation. */
export function placeOf(
  machine: Machine,
  folder: RunFolder,
  exchangeFolder: string,
  record: BundleRecord,
): Place {
  const sandboxed = machine.sandbox !== null;
  const bundle = sandboxed ? INSIDE.bundle : folder.bundle;
  const workingFolder = join(bundle, record.directory);
  const python = join(workingFolder, PYTHON_FOLDER);
  const path = sandboxed ? sandboxPath(machine.path) : machine.path;
  return {
    bundle,
    workingFolder,
    exchangeFolder: sandboxed ? INSIDE.exchange : exchangeFolder,
    home: sandboxed ? INSIDE.home : folder.home,
    temporaryFolder: sandboxed ? INSIDE.temporary : folder.temporary,
    // Programs that a Python package brings along are found as in an image.
    path: record.python ? `${join(python, 'bin')}${delimiter}${path}` : path,
    imageVariables: {
      ...record.environment,
      ...(record.python ? { PYTHONPATH: python } : {}),
    },
  };
}

/** How a sandbox of this driver is to be laid out. */
export interface SandboxLayout {
  readonly folder: RunFolder;
  readonly place: Place;
  /** Host folder of the exchange folder; null where there is none (health check, installation). */
  readonly exchangeFolder: string | null;
  readonly environment: Readonly<Record<string, string>>;
  readonly hosts: Readonly<Record<string, string>>;
  readonly network: 'shared' | 'own';
  /** Unix sockets for the launcher; null: no launcher. */
  readonly socketFolder: string | null;
}

const LAUNCHER = fileURLToPath(new URL('./launcher.ts', import.meta.url));
const LAUNCHER_INSIDE = `${INSIDE.tools}/launcher/launcher.ts`;
const LAUNCHER_NODE_INSIDE = `${INSIDE.tools}/launcher/node`;

/** Words that run a program under the launcher; see launcher.ts. */
export const LAUNCHER_WORDS = [LAUNCHER_NODE_INSIDE, LAUNCHER_INSIDE, SOCKETS_INSIDE] as const;

/** Writes the small files a sandbox needs and plans its mounts. */
export async function layOutSandbox(
  sandbox: NonNullable<Machine['sandbox']>,
  layout: SandboxLayout,
): Promise<SandboxArguments> {
  const { folder, place } = layout;
  const etc = join(folder.root, 'etc');
  await mkdir(etc, { recursive: true });
  const ids = insideIds(layout.network);
  const texts: Record<string, string> = {
    hosts: hostsFile(layout.hosts),
    passwd: `connector:x:${ids.user}:${ids.group}:connector:${INSIDE.home}:/bin/sh\n`,
    group: `connector:x:${ids.group}:\n`,
  };
  await Promise.all(Object.entries(texts).map(([name, text]) => writeFile(join(etc, name), text)));
  const files = Object.keys(texts).map((name) => ({ host: join(etc, name), inside: `/etc/${name}` }));
  // Often a link to where a service of the machine writes it, which does not exist inside.
  if (existsSync('/etc/resolv.conf')) {
    files.push({ host: realpathSync('/etc/resolv.conf'), inside: '/etc/resolv.conf' });
  }
  const folders: { host: string; inside: string; write: boolean }[] = [
    { host: folder.bundle, inside: INSIDE.bundle, write: true },
    { host: folder.home, inside: INSIDE.home, write: true },
    { host: folder.temporary, inside: INSIDE.temporary, write: true },
  ];
  if (layout.exchangeFolder !== null) {
    folders.push({ host: layout.exchangeFolder, inside: INSIDE.exchange, write: true });
  }
  if (layout.socketFolder !== null) {
    folders.push({ host: layout.socketFolder, inside: SOCKETS_INSIDE, write: false });
    files.push({ host: LAUNCHER, inside: LAUNCHER_INSIDE });
    files.push({ host: realpathSync(process.execPath), inside: LAUNCHER_NODE_INSIDE });
  }
  return sandboxArguments(
    {
      folders,
      files,
      workingFolder: place.workingFolder,
      environment: layout.environment,
      network: layout.network,
      hostname: 'connector',
    },
    sandbox.tools,
  );
}
