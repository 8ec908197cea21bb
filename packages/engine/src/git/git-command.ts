import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChildEnd, runChild } from '../child.ts';
import type { GitSettings, RepositoryAccess, ResolvedRepository } from './repository.ts';

/** Runs git commands against one repository with its credentials, until it is closed. */
export interface GitSession {
  /**
   * Runs `git <args>` in a folder. Lines of both streams go to `onLine`.
   *
   * @throws the abort reason when the session's signal fired
   */
  run(args: readonly string[], options: GitRunOptions): Promise<ChildEnd>;
  /** Removes the credentials from disk. */
  close(): Promise<void>;
}

export interface GitRunOptions {
  readonly cwd: string;
  readonly onLine?: (stream: 'stdout' | 'stderr', line: string) => void;
  readonly timeoutMs?: number;
}

/**
 * git asks this for the password. It is a credential helper in the sense of gitcredentials(7), reads the values from
 * a file that only we may read, and answers for the one host they belong to: a submodule elsewhere gets nothing.
 * The path of the folder is the only thing that stands on a command line.
 */
const HELPER = `#!/bin/sh
[ "$1" = get ] || exit 0
folder=\${0%/*}
host= protocol=
while IFS='=' read -r key value && [ -n "$key" ]; do
  case $key in host) host=$value ;; protocol) protocol=$value ;; esac
done
[ "$protocol" = https ] && [ "$host" = "$(cat "$folder/host")" ] && cat "$folder/credential"
exit 0
`;

/**
 * Prepares git for one repository: hardened settings, credentials in a private folder, pinned addresses.
 *
 * @param signal ends whatever is running
 */
export async function openGitSession(
  repository: ResolvedRepository,
  access: RepositoryAccess,
  settings: GitSettings,
  signal?: AbortSignal,
): Promise<GitSession> {
  const folder = await mkdtemp(join(tmpdir(), 'slipway-git-'));
  try {
    // git wants a home folder even when it reads no configuration there; ours is empty and goes with the session.
    const home = join(folder, 'home');
    await mkdir(home);
    const options = await credentialOptions(folder, repository, access);
    const ssh = (await sshCommand(folder, access)) + sshPin(repository);
    return {
      run: (args, run) =>
        runChild({
          file: 'git',
          args: [...hardening(settings), ...options, ...addressPin(repository), ...args],
          cwd: run.cwd,
          env: gitEnvironment(home, settings, ssh),
          signal,
          timeoutMs: run.timeoutMs,
          ...(run.onLine ? { onLine: run.onLine } : {}),
        }),
      close: () => rm(folder, { recursive: true, force: true }),
    };
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** Settings that win over everything a repository or a machine could bring along. */
function hardening(settings: GitSettings): string[] {
  const values = [
    'protocol.allow=never',
    'protocol.https.allow=always',
    'protocol.ssh.allow=always',
    ...(settings.localRepositoriesRoot === undefined ? [] : ['protocol.file.allow=always']),
    // A redirect would lead to a host nobody has checked.
    'http.followRedirects=false',
    'core.hooksPath=/dev/null',
    'core.fsmonitor=false',
    'core.symlinks=true',
    'credential.helper=',
    'core.askPass=',
    // Local repositories may belong to another user of the machine; their hooks and settings are not used.
    'safe.directory=*',
    'advice.detachedHead=false',
    'gc.auto=0',
    'submodule.recurse=false',
    'fetch.recurseSubmodules=false',
    'transfer.credentialsInUrl=die',
  ];
  return values.flatMap((value) => ['-c', value]);
}

function gitEnvironment(home: string, settings: GitSettings, ssh: string): Record<string, string> {
  return {
    ...settings.environment,
    PATH: settings.path,
    HOME: home,
    XDG_CONFIG_HOME: home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ASKPASS: '',
    SSH_ASKPASS: '',
    GIT_SSH_COMMAND: ssh,
    GIT_SSH_VARIANT: 'ssh',
  };
}

async function credentialOptions(
  folder: string,
  repository: ResolvedRepository,
  access: RepositoryAccess,
): Promise<string[]> {
  if (access.authorization !== 'basic' || repository.endpoint === null) return [];
  const { host, port } = repository.endpoint;
  const named = host.includes(':') ? `[${host}]` : host;
  const helper = join(folder, 'credential-helper');
  // Line breaks would let a value add lines of its own to the answer.
  const [username, token] = [access.username, access.token].map((value) => value.replaceAll(/[\r\n\0]/g, ''));
  await writeFile(join(folder, 'host'), port === 443 ? named : `${named}:${port}`, { mode: 0o600 });
  await writeFile(join(folder, 'credential'), `username=${username}\npassword=${token}\n`, { mode: 0o600 });
  await writeFile(helper, HELPER, { mode: 0o700 });
  // `!` = a command line of ours; an address with blanks in it would not pass as a plain path.
  return ['-c', `credential.helper=!${shellQuote(helper)}`];
}

/** The ssh command line, which git hands to a shell; every part of it is ours. */
async function sshCommand(folder: string, access: RepositoryAccess): Promise<string> {
  const options = [
    'BatchMode=yes',
    'IdentitiesOnly=yes',
    'ForwardAgent=no',
    'ClearAllForwardings=yes',
    'ConnectTimeout=15',
  ];
  const parts = ['ssh', '-F', '/dev/null', '-T'];
  if (access.authorization === 'deploy-key') {
    const keyFile = join(folder, 'key');
    const text = access.privateKey.endsWith('\n') ? access.privateKey : `${access.privateKey}\n`;
    await writeFile(keyFile, text, { mode: 0o600 });
    await chmod(keyFile, 0o600);
    parts.push('-i', shellQuote(keyFile));
    // accept-new: the first key seen is pinned, another one later is refused.
    options.push('StrictHostKeyChecking=accept-new', 'HashKnownHosts=no');
    options.push(`UserKnownHostsFile=${sshQuote(access.knownHostsFile)}`, 'GlobalKnownHostsFile=/dev/null');
  } else {
    options.push('StrictHostKeyChecking=yes', 'UserKnownHostsFile=/dev/null', 'IdentityAgent=none');
  }
  return [...parts, ...options.flatMap((option) => ['-o', shellQuote(option)])].join(' ');
}

/** Makes ssh connect to the address that was checked, while the host key stays pinned to the name. */
function sshPin({ transport, endpoint }: ResolvedRepository): string {
  if (transport !== 'ssh' || !endpoint) return '';
  const alias = endpoint.port === 22 ? endpoint.host : `[${endpoint.host}]:${endpoint.port}`;
  const pins = [`HostName=${endpoint.addresses[0]}`, `HostKeyAlias=${alias}`, 'CheckHostIP=no'];
  return pins.map((pin) => ` -o ${shellQuote(pin)}`).join('');
}

/** The same for https: curl does not look the name up by itself. */
function addressPin({ transport, endpoint }: ResolvedRepository): string[] {
  if (transport !== 'https' || !endpoint || endpoint.addresses.length === 0) return [];
  const addresses = endpoint.addresses.map((address) => (address.includes(':') ? `[${address}]` : address));
  return ['-c', `http.curloptResolve=${endpoint.host}:${endpoint.port}:${addresses.join(',')}`];
}

function shellQuote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** ssh splits the value of an option at blanks; its double quotes keep a path together. */
function sshQuote(path: string): string {
  return `"${path.replaceAll('"', '')}"`;
}
