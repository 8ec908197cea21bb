import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { findProgram } from './programs.ts';

/** Paths inside the sandbox; the same in every run. */
export const INSIDE = {
  bundle: '/app',
  exchange: '/data/productsup',
  home: '/home/connector',
  temporary: '/tmp',
  /** Programs of ours that the connector may use or that serve it. */
  tools: '/opt/slipway',
} as const;

/** Folders that hold the system's programs and libraries. They hold no data of users. */
const SYSTEM_FOLDERS = ['/usr', '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32'];

/**
 * Parts of /etc that programs need. Not the whole: with the server running as root the connector is the same user,
 * without capabilities, and could read what only root may.
 */
const SYSTEM_SETTINGS = [
  'alternatives',
  'ca-certificates',
  'ca-certificates.conf',
  'crypto-policies',
  'fonts',
  'gai.conf',
  'host.conf',
  'ImageMagick-6',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'localtime',
  'mime.types',
  'nsswitch.conf',
  'os-release',
  'pki',
  'protocols',
  'services',
  'ssl',
  'timezone',
];
/** Settings of languages, whose names hold a version. */
const VERSIONED_SETTINGS = /^(php|python|perl|ruby|java)[-\d.]*$/;

/** Parts of /etc that exist here and are shown. */
function systemSettings(): string[] {
  const names = readdirSync('/etc').filter(
    (name) => SYSTEM_SETTINGS.includes(name) || VERSIONED_SETTINGS.test(name),
  );
  return names.map((name) => `/etc/${name}`).filter((path) => existsSync(path));
}

/** Folders inside of those that hold private keys. */
const HIDDEN_FOLDERS = ['/etc/ssl/private', '/etc/pki/tls/private'];

/** Room for shared memory, as in containers. */
const SHARED_MEMORY_BYTES = 64 * 1024 * 1024;

/** What one sandbox shows and how it is connected. */
export interface SandboxPlan {
  /** Host folders by their path inside; `write` ones are the connector's own. */
  readonly folders: readonly { readonly host: string; readonly inside: string; readonly write: boolean }[];
  /** Small files made for this sandbox: text by path inside. */
  readonly files: readonly { readonly host: string; readonly inside: string }[];
  readonly workingFolder: string;
  readonly environment: Readonly<Record<string, string>>;
  /** `shared`: the machine's network. `own`: a network of its own with nothing but its loopback. */
  readonly network: 'shared' | 'own';
  readonly hostname: string;
}

/** Runtime programs outside of the system's folders that the sandbox shows under {@link INSIDE.tools}. */
export interface SandboxTools {
  /** Node binary of the host. */
  readonly node: string;
  /** Folder of the npm package, for installations; null where there is none. */
  readonly npm: string | null;
}

/** Finds Node and npm as the server's own PATH has them. */
export function findTools(path: string): SandboxTools {
  const npm = findProgram('npm', path);
  // …/npm/bin/npm-cli.js
  const npmFolder = npm === null ? null : dirname(dirname(npm));
  return {
    node: findProgram('node', path) ?? realpathSync(process.execPath),
    npm: npmFolder !== null && existsSync(join(npmFolder, 'package.json')) ? npmFolder : null,
  };
}

/** PATH inside: the same Node that the server's PATH has first, then what of the PATH is visible. */
export function sandboxPath(path: string): string {
  const visible = path
    .split(delimiter)
    .filter((folder) => SYSTEM_FOLDERS.some((root) => isBelow(folder, root)));
  return [...new Set([`${INSIDE.tools}/bin`, ...visible, '/usr/local/bin', '/usr/bin', '/bin'])].join(
    delimiter,
  );
}

/** Arguments of bwrap up to the command, and a translation of inside paths to host paths. */
export interface SandboxArguments {
  readonly args: string[];
  readonly toHost: (path: string) => string | null;
}

/**
 * Plans one sandbox: a read-only system, own processes, own temporary files, no capabilities, no environment.
 *
 * The arguments hold the environment, settings with secrets included; they are to be passed through `--args` and a
 * pipe, never on a command line, and the environment must not be bwrap's own: `LD_PRELOAD` of an image would
 * otherwise act outside of the sandbox.
 */
export function sandboxArguments(plan: SandboxPlan, tools: SandboxTools): SandboxArguments {
  const mounts: [host: string, inside: string][] = [];
  const args = [
    ...[
      '--unshare-pid',
      '--unshare-ipc',
      '--unshare-uts',
      '--unshare-cgroup-try',
      '--die-with-parent',
      '--new-session',
    ],
    ...['--hostname', plan.hostname, '--cap-drop', 'ALL'],
    ...(plan.network === 'own' ? ['--unshare-net', '--cap-add', 'CAP_NET_BIND_SERVICE', ...userZero()] : []),
  ];
  const readOnly = (host: string, inside: string) => {
    args.push('--ro-bind', host, inside);
    mounts.push([host, inside]);
  };
  for (const folder of SYSTEM_FOLDERS) {
    if (!existsSync(folder)) continue;
    // On most systems /bin is a link to /usr/bin; the same link inside costs no mount.
    if (lstatSync(folder).isSymbolicLink()) args.push('--symlink', readlinkSync(folder), folder);
    else args.push('--ro-bind', folder, folder);
    mounts.push([folder, folder]);
  }
  for (const path of systemSettings()) readOnly(realpathSync(path), path);
  for (const path of HIDDEN_FOLDERS) {
    if (existsSync(path)) args.push('--tmpfs', path);
  }
  readOnly(tools.node, `${INSIDE.tools}/bin/node`);
  if (tools.npm !== null) readOnly(tools.npm, `${INSIDE.tools}/lib/node_modules/npm`);
  args.push('--proc', '/proc', '--dev', '/dev', '--size', String(SHARED_MEMORY_BYTES), '--tmpfs', '/dev/shm');
  // What is left of /dev and of the root lies in memory that no limit watches, so it is made read-only.
  args.push('--remount-ro', '/dev', '--dir', '/run', '--dir', '/var');
  args.push('--symlink', '../tmp', '/var/tmp');
  for (const { host, inside, write } of plan.folders) {
    args.push(write ? '--bind' : '--ro-bind', host, inside);
    mounts.push([host, inside]);
  }
  for (const { host, inside } of plan.files) readOnly(host, inside);
  args.push('--remount-ro', '/', '--chdir', plan.workingFolder, '--clearenv');
  for (const [name, value] of Object.entries(plan.environment)) args.push('--setenv', name, value);
  return { args, toHost: (path) => translate(path, mounts) };
}

/**
 * For an ordinary user bubblewrap enters a second user namespace to restore the user's id. That one does not own the
 * network, so port 80 would be out of reach there; as user 0 of the first namespace it is not. The files of the
 * machine see the same ordinary user either way.
 */
function userZero(): string[] {
  return process.getuid?.() === 0 ? [] : ['--unshare-user', '--uid', '0', '--gid', '0'];
}

/** Ids of the connector inside. */
export function insideIds(network: SandboxPlan['network']): { user: number; group: number } {
  if (network === 'own') return { user: 0, group: 0 };
  return { user: process.getuid?.() ?? 0, group: process.getgid?.() ?? 0 };
}

/** The machine's host names plus names of the run. */
export function hostsFile(names: Readonly<Record<string, string>>): string {
  let own = '127.0.0.1 localhost\n';
  try {
    own = readFileSync('/etc/hosts', 'utf8');
  } catch {
    // A machine without the file: the line above is all that is needed.
  }
  const added = Object.entries(names).map(([name, address]) => `${address} ${name}\n`);
  return `${own.replace(/\n*$/, '\n')}${added.join('')}`;
}

/** Path of the machine for a path inside; the deepest mount counts. */
function translate(path: string, mounts: readonly [string, string][]): string | null {
  let best: [string, string] | null = null;
  for (const mount of mounts) {
    if (isBelow(path, mount[1]) && (best === null || mount[1].length > best[1].length)) best = mount;
  }
  return best === null ? null : best[0] + path.slice(best[1].length);
}

function isBelow(path: string, root: string): boolean {
  return path === root || path.startsWith(`${root}/`);
}
