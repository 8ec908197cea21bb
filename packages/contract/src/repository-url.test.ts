import { describe, expect, test } from 'vitest';
import {
  isBranchName,
  isCommitId,
  isRepositoryDirectory,
  isRepositoryUrl,
  localRepositoryPath,
  parseRepositoryUrl,
} from './repository-url.ts';

describe('isRepositoryUrl', () => {
  test.each([
    'https://example.com/team/connector.git',
    'https://example.com:8443/connector',
    'https://10.1.2.3/connector',
    'https://[2001:db8::1]/connector',
    'HTTPS://Example.com/a',
  ])('%s is for public and basic access only', (url) => {
    expect(isRepositoryUrl(url, 'public')).toBe(true);
    expect(isRepositoryUrl(url, 'basic')).toBe(true);
    expect(isRepositoryUrl(url, 'deploy-key')).toBe(false);
  });

  test.each([
    'git@example.com:team/connector.git',
    'ssh://git@example.com/team/connector.git',
    'ssh://git@example.com:2222/team/connector.git',
    'ssh://example.com/connector',
  ])('%s is for deploy keys only', (url) => {
    expect(isRepositoryUrl(url, 'deploy-key')).toBe(true);
    expect(isRepositoryUrl(url, 'public')).toBe(false);
  });

  test.each([
    '',
    'http://example.com/a',
    'https://user:token@example.com/a',
    'https://user@example.com/a',
    'https://example.com',
    'https://example.com/',
    'https://-example.com/a',
    'https://example.com:99999/a',
    'https://example.com/a b',
    'https://example.com/a\n',
    'https://example.com/a?x=1',
    'https://example.com\\@evil.example/a',
    'file:///srv/repository',
    '/srv/repository',
    '../repository',
    'ext::sh -c id',
    'git@ext::sh',
    '--upload-pack=touch /tmp/x',
    '-oProxyCommand=id',
    'ssh://-oProxyCommand=id/a',
    'git@-oProxyCommand=id:a',
    'git@example.com:-x',
    'git@example.com:',
    'git://example.com/a',
    'ftp://example.com/a',
    'ssh://git:pass@example.com/a',
    'fd::17',
  ])('%j is refused for every kind of access', (url) => {
    for (const authorization of ['public', 'basic', 'deploy-key'] as const) {
      expect(isRepositoryUrl(url, authorization)).toBe(false);
    }
  });

  test('local folders count only where they are allowed, and never with credentials', () => {
    for (const url of ['/srv/repositories/demo', 'file:///srv/repositories/demo%20one']) {
      expect(isRepositoryUrl(url, 'public')).toBe(false);
      expect(isRepositoryUrl(url, 'public', { allowLocal: true })).toBe(true);
      expect(isRepositoryUrl(url, 'basic', { allowLocal: true })).toBe(false);
    }
    expect(localRepositoryPath('file:///srv/a%20b')).toBe('/srv/a b');
    expect(localRepositoryPath('file://host/srv')).toBeNull();
    expect(localRepositoryPath('file:///%zz')).toBeNull();
    expect(localRepositoryPath('//host/share')).toBeNull();
  });
});

test('an address says where the connection goes', () => {
  expect(parseRepositoryUrl('https://[2001:DB8::1]:8443/a')).toEqual({
    transport: 'https',
    host: '2001:db8::1',
    port: 8443,
  });
  expect(parseRepositoryUrl('git@Example.com:a')).toEqual({
    transport: 'ssh',
    host: 'example.com',
    port: 22,
  });
});

test.each(['main', 'feature/a-b', 'v1.0.0', 'ä', 'release@2'])('%s is a branch name', (name) => {
  expect(isBranchName(name)).toBe(true);
});

test.each([
  '',
  '-x',
  '@',
  'HEAD',
  'a..b',
  'a b',
  'a~1',
  'a^',
  'a:b',
  'a?',
  'a*',
  'a[',
  'a\\b',
  '/a',
  'a/',
  'a.',
  'a//b',
  '.a',
  'a/.b',
  'a.lock',
  'a@{1',
  'a\n',
  'x'.repeat(256),
])('%j is no branch name', (name) => {
  expect(isBranchName(name)).toBe(false);
});

test('commit ids have 7 to 40 hex digits', () => {
  expect(['abcdef1', 'A'.repeat(40)].every(isCommitId)).toBe(true);
  expect(['abcdef', 'a'.repeat(41), 'main123'].some(isCommitId)).toBe(false);
});

test('directories are relative and stay inside', () => {
  expect(['connectors/demo', 'a', './a', 'a..b/c'].every(isRepositoryDirectory)).toBe(true);
  expect(['', '/a', '..', 'a/../b', 'a\\b', 'a\0', '.git/hooks', 'C:/x'].some(isRepositoryDirectory)).toBe(
    false,
  );
});
