import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import {
  type CheckoutRequest,
  checkout,
  EgressPolicy,
  type GitSettings,
  probeRepository,
  type RepositoryAccess,
} from '../src/index.ts';
import { findProgram } from '../src/process/programs.ts';
import { commitFiles, git, keepLines, makeRepository, temporaryFolder, testWith } from './support.ts';

const PUBLIC: RepositoryAccess = { authorization: 'public' };

function settingsFor(root: string, more: Partial<GitSettings> = {}): GitSettings {
  return {
    egress: new EgressPolicy({ allowLoopback: true }),
    path: process.env.PATH!,
    localRepositoriesRoot: root,
    ...more,
  };
}

function fetchFrom(root: string, url: string, more: Partial<CheckoutRequest> = {}) {
  const kept = keepLines();
  const target = join(root, `target-${Math.random().toString(16).slice(2)}`);
  const result = checkout({
    url,
    access: PUBLIC,
    branch: 'main',
    target,
    settings: settingsFor(root),
    log: kept.log,
    mask: (text) => text,
    ...more,
  });
  result.catch(() => {});
  return { target, result, ...kept };
}

test('a branch, a tag, a full and an abbreviated commit are checked out', async () => {
  const root = temporaryFolder();
  const url = makeRepository(root, { 'a.txt': 'one' });
  const first = git(url, 'rev-parse', 'HEAD');
  git(url, 'tag', 'v1');
  const second = commitFiles(url, { 'a.txt': 'two' });
  const third = commitFiles(url, { 'a.txt': 'three' });
  const branch = fetchFrom(root, url);
  expect(await branch.result).toBe(third);
  expect(readFileSync(join(branch.target, 'a.txt'), 'utf8')).toBe('three');
  expect(git(branch.target, 'rev-list', '--count', 'HEAD')).toBe('1');
  expect(await fetchFrom(root, url, { branch: 'v1' }).result).toBe(first);
  expect(await fetchFrom(root, url, { commit: second }).result).toBe(second);
  expect(await fetchFrom(root, url, { commit: second.slice(0, 8) }).result).toBe(second);
});

test('a missing branch, a missing commit and a missing repository fail with git’s exit code', async () => {
  const root = temporaryFolder();
  const url = makeRepository(root, { 'a.txt': 'one' });
  const branch = fetchFrom(root, url, { branch: 'nope' });
  await expect(branch.result).rejects.toMatchObject({
    message: 'Git clone failed with exit code 128',
    exitCode: 128,
  });
  expect(branch.of('clone')).toContain('Branch nope was not found.');
  const commit = fetchFrom(root, url, { commit: '0123456789' });
  await expect(commit.result).rejects.toThrow('Git clone failed with exit code 128');
  expect(commit.of('clone')).toContain('Commit 0123456789 was not found.');
  mkdirSync(join(root, 'empty'));
  const none = fetchFrom(root, join(root, 'empty'));
  await expect(none.result).rejects.toThrow('Git clone failed with exit code 128');
  expect(none.of('clone').join('\n')).toContain('does not appear to be a git repository');
});

test('local folders only below the root, links resolved, and only where allowed', async () => {
  const root = temporaryFolder();
  const outside = temporaryFolder();
  const url = makeRepository(outside, { 'a.txt': 'secret' });
  symlinkSync(url, join(root, 'link'));
  const allowed = makeRepository(root, { 'a.txt': 'x' }, 'inside');
  expect(await fetchFrom(root, `file://${allowed}`).result).toMatch(/^[0-9a-f]{40}$/);
  const none: GitSettings = { egress: new EgressPolicy(), path: process.env.PATH! };
  for (const [address, settings] of [
    [url, settingsFor(root)],
    [join(root, 'link'), settingsFor(root)],
    [join(root, 'inside/../../x'), settingsFor(root)],
    [allowed, none],
    [`ext::sh -c "touch ${root}/pwned"`, settingsFor(root)],
    ['--upload-pack=touch', settingsFor(root)],
  ] as const) {
    const tried = fetchFrom(root, address, { settings });
    await expect(tried.result).rejects.toThrow('Git clone failed with exit code 128');
    expect(tried.of('clone')).toEqual(['This value is not a valid repository URL.']);
  }
  expect(existsSync(join(root, 'pwned'))).toBe(false);
});

test('loopback, link-local and metadata addresses are refused before git is asked', async () => {
  const root = temporaryFolder();
  const settings = settingsFor(root, { egress: new EgressPolicy() });
  for (const host of ['localhost', '127.0.0.1', '[::1]', '169.254.169.254']) {
    const tried = fetchFrom(root, `https://${host}/a`, { settings });
    await expect(tried.result).rejects.toThrow('Git clone failed with exit code 128');
    expect(tried.of('clone')).toEqual([`The address of ${host.replace(/[[\]]/g, '')} is not allowed.`]);
  }
});

test('hooks, attributes and settings of a repository run nothing', async () => {
  const root = temporaryFolder();
  const url = makeRepository(root, { 'a.txt': 'x', '.gitattributes': '*.txt filter=evil\n' });
  mkdirSync(join(url, '.git/hooks'), { recursive: true });
  for (const hook of ['post-checkout', 'reference-transaction', 'post-upload-pack']) {
    writeFileSync(join(url, '.git/hooks', hook), `#!/bin/sh\ntouch ${root}/pwned\n`, { mode: 0o755 });
  }
  git(url, 'config', 'filter.evil.smudge', `touch ${root}/pwned`);
  git(url, 'config', 'uploadpack.packObjectsHook', `touch ${root}/pwned`);
  await fetchFrom(root, url).result;
  expect(existsSync(join(root, 'pwned'))).toBe(false);
});

test('submodules are fetched under the same rules, relative addresses too', async () => {
  const root = temporaryFolder();
  const inner = makeRepository(root, { 'inner.txt': 'inner' }, 'inner');
  const middle = makeRepository(root, { 'middle.txt': 'middle' }, 'middle');
  git(middle, 'submodule', '--quiet', 'add', inner, 'deep');
  commitFiles(middle, {});
  const url = makeRepository(root, { 'a.txt': 'x' }, 'outer');
  git(url, 'submodule', '--quiet', 'add', middle, 'libs/middle');
  git(url, 'config', '--file', '.gitmodules', 'submodule.libs/middle.url', '../middle');
  commitFiles(url, {});
  const { target, result } = fetchFrom(root, url);
  await result;
  expect(readFileSync(join(target, 'libs/middle/deep/inner.txt'), 'utf8')).toBe('inner');
  const outside = makeRepository(temporaryFolder(), { 's.txt': 'secret' }, 'outside');
  git(url, 'config', '--file', '.gitmodules', 'submodule.libs/middle.url', outside);
  commitFiles(url, {});
  const refused = fetchFrom(root, url);
  await expect(refused.result).rejects.toThrow('Git clone failed with exit code 128');
  expect(refused.of('clone')).toContain('Submodule libs/middle: This value is not a valid repository URL.');
});

test('large files without git-lfs are a warning', async () => {
  const root = temporaryFolder();
  const url = makeRepository(root, {
    '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
    'a.bin': 'pointer',
  });
  const bin = join(root, 'bin');
  mkdirSync(bin);
  for (const program of ['git', 'sh', 'cat']) {
    symlinkSync(findProgram(program, process.env.PATH ?? '') as string, join(bin, program));
  }
  const fetched = fetchFrom(root, url, { settings: settingsFor(root, { path: bin }) });
  await fetched.result;
  expect(fetched.lines.find((line) => line.level === 'warning')?.message).toContain('Git LFS');
});

testWith('git-lfs')('large files are fetched where git-lfs is installed', async () => {
  const root = temporaryFolder();
  const url = makeRepository(root, { '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n' });
  git(url, 'config', 'filter.lfs.clean', 'git-lfs clean -- %f');
  commitFiles(url, { 'a.bin': 'large content' });
  expect(git(url, 'show', 'HEAD:a.bin')).toContain('version https://git-lfs.github.com/spec/');
  const fetched = fetchFrom(root, url);
  await fetched.result;
  expect(readFileSync(join(fetched.target, 'a.bin'), 'utf8')).toBe('large content');
  expect(fetched.lines.filter((line) => line.level === 'warning')).toEqual([]);
});

test('a cancelled checkout ends git at once', async () => {
  const root = temporaryFolder();
  const hanging = createTcpServer(() => {});
  const port = await listen(hanging as unknown as Server);
  const cancel = new AbortController();
  const { result } = fetchFrom(root, `https://127.0.0.1:${port}/a`, { signal: cancel.signal });
  setTimeout(() => cancel.abort(new Error('stop')), 300);
  await expect(result).rejects.toThrow('stop');
  expect(execFileSync('ps', ['-axo', 'args='], { encoding: 'utf8' })).not.toContain(`127.0.0.1:${port}/a`);
});

const TOKEN = 'very-secret-token-4711';

testWith('openssl')('basic credentials reach the server, and nothing else', async () => {
  const root = temporaryFolder();
  const { url, seen, settings } = await httpsServer(root, (authorization) => (authorization ? 403 : 401));
  const access: RepositoryAccess = { authorization: 'basic', username: 'robot', token: TOKEN };
  const mask = (text: string) => text.replaceAll(TOKEN, '***');
  // Other tests use the machine's folder at the same time.
  const temporary = join(root, 'temporary');
  mkdirSync(temporary);
  vi.stubEnv('TMPDIR', temporary);
  onTestFinished(() => void vi.unstubAllEnvs());
  const fetched = fetchFrom(root, url, { access, settings, mask });
  await expect(fetched.result).rejects.toThrow('Git clone failed with exit code 128');
  expect(seen).toContain(`Basic ${Buffer.from(`robot:${TOKEN}`).toString('base64')}`);
  expect(JSON.stringify(fetched.lines)).not.toContain(TOKEN);
  expect(
    execFileSync('find', [fetched.target, '-type', 'f', '-exec', 'grep', '-l', TOKEN, '{}', ';'], {
      encoding: 'utf8',
    }),
  ).toBe('');
  expect(readdirSync(temporary)).toEqual([]);
});

testWith('openssl')(
  'a probe tells git’s own reason, a missing branch, and a server that is silent',
  async () => {
    const root = temporaryFolder();
    const url = makeRepository(root, { 'a.txt': 'x' });
    const ask = {
      url,
      access: PUBLIC,
      branch: 'main',
      settings: settingsFor(root),
      mask: (text: string) => text,
    };
    expect(await probeRepository(ask)).toBeNull();
    expect(await probeRepository({ ...ask, branch: 'nope' })).toBe('Branch nope was not found.');
    expect(await probeRepository({ ...ask, url: 'file:///etc' })).toBe(
      'This value is not a valid repository URL.',
    );
    const denied = await httpsServer(root, () => 401);
    const access: RepositoryAccess = { authorization: 'basic', username: 'robot', token: TOKEN };
    const reason = await probeRepository({ ...ask, url: denied.url, settings: denied.settings, access });
    expect(reason).toBe(`Authentication failed for '${denied.url}/'`);
    const hanging = createTcpServer(() => {});
    const port = await listen(hanging as unknown as Server);
    const silent = { ...ask, url: `https://127.0.0.1:${port}/a`, timeoutMs: 500 };
    expect(await probeRepository(silent)).toBe('The repository did not answer within 15 seconds.');
  },
);

testWith('ssh')(
  'a deploy key is used with a private file, a pinned host and no agent, and is gone afterwards',
  async () => {
    const root = temporaryFolder();
    const repository = makeRepository(root, { 'a.txt': 'over ssh' });
    const bin = join(root, 'bin');
    mkdirSync(bin);
    // Stands in for the network alone: it notes how it was called and speaks git's protocol from a local folder.
    const script = [
      '#!/bin/bash',
      `printf '%s\\n' "$@" > ${root}/called`,
      `key=$(printf '%s\\n' "$@" | grep -A1 -x -e -i | tail -1)`,
      `stat -c %a "$key" > ${root}/mode; cat "$key" > ${root}/key`,
      `exec git-upload-pack ${repository}`,
    ];
    writeFileSync(join(bin, 'ssh'), `${script.join('\n')}\n`, { mode: 0o755 });
    const access: RepositoryAccess = {
      authorization: 'deploy-key',
      privateKey: 'PRIVATE KEY TEXT',
      knownHostsFile: join(root, 'known hosts'),
    };
    const settings = settingsFor(root, { path: `${bin}:${process.env.PATH}` });
    const { result, target } = fetchFrom(root, 'ssh://git@127.0.0.1:2222/team/a.git', { access, settings });
    await result;
    expect(readFileSync(join(target, 'a.txt'), 'utf8')).toBe('over ssh');
    expect(readFileSync(join(root, 'mode'), 'utf8').trim()).toBe('600');
    expect(readFileSync(join(root, 'key'), 'utf8')).toBe('PRIVATE KEY TEXT\n');
    const called = readFileSync(join(root, 'called'), 'utf8').split('\n');
    expect(called).toEqual(
      expect.arrayContaining([
        'BatchMode=yes',
        'IdentitiesOnly=yes',
        'StrictHostKeyChecking=accept-new',
        `UserKnownHostsFile="${root}/known hosts"`,
        'HostName=127.0.0.1',
        'HostKeyAlias=[127.0.0.1]:2222',
        '2222',
      ]),
    );
    const keyFile = called[called.indexOf('-i') + 1]!;
    expect(existsSync(keyFile)).toBe(false);
    // ssh itself accepts every option of this command line.
    const options = called.slice(0, called.indexOf('git@127.0.0.1'));
    const understood = execFileSync('ssh', ['-G', ...options, 'git@127.0.0.1'], { encoding: 'utf8' });
    expect(understood).toContain('hostkeyalias [127.0.0.1]:2222');
    expect(understood).toContain('identitiesonly yes');
  },
);

testWith('openssl')('redirects are not followed', async () => {
  const root = temporaryFolder();
  const { url, settings, seen } = await httpsServer(root, () => 302);
  const reason = await probeRepository({
    url,
    access: PUBLIC,
    branch: 'main',
    settings,
    mask: (text) => text,
  });
  expect(reason).toContain('302');
  expect(seen.length).toBe(1);
});

async function listen(server: Server): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  onTestFinished(() => {
    server.close();
  });
  return (server.address() as { port: number }).port;
}

/** A real HTTPS server with a certificate of its own, which git is told to trust. */
async function httpsServer(root: string, answer: (authorization: string | undefined) => number) {
  const folder = join(root, `tls-${Math.random().toString(16).slice(2)}`);
  mkdirSync(folder);
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  execFileSync(
    'openssl',
    [
      ...[
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:prime256v1',
        '-nodes',
        '-days',
        '2',
      ],
      ...[
        '-keyout',
        key,
        '-out',
        certificate,
        '-subj',
        '/CN=127.0.0.1',
        '-addext',
        'subjectAltName=IP:127.0.0.1',
      ],
    ],
    { stdio: 'ignore' },
  );
  const seen: (string | undefined)[] = [];
  const server = createServer(
    { key: readFileSync(key), cert: readFileSync(certificate) },
    (request, response) => {
      seen.push(request.headers.authorization);
      const status = answer(request.headers.authorization);
      response
        .writeHead(status, { 'www-authenticate': 'Basic realm="git"', location: '/elsewhere/info/refs' })
        .end();
    },
  );
  const port = await listen(server);
  const settings = settingsFor(root, { environment: { GIT_SSL_CAINFO: certificate } });
  return { url: `https://127.0.0.1:${port}/team/connector.git`, seen, settings };
}
