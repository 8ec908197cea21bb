import { expect, test } from 'vitest';
import { configurationDiff } from './configuration-diff.ts';

const field = (name: string, more: object = {}) => ({
  'command-option': name,
  'field-name': name,
  'created-at': String(Math.random()),
  'updated-at': String(Math.random()),
  ...more,
});

test('leaves, items of lists and whole parts differ by path, in order', () => {
  const from = {
    'update-progress': ['vcs-config'],
    application: { command: 'node', arguments: null },
    vcs: null,
    docker: { 'image-name': 'a' },
    individuals: [field('host'), field('gone'), field('same')],
    'feature-flags': ['a', 'b'],
    buckets: [{ 'bucket-id': '1', type: 'free', environment: 'dev' }],
    limits: { 'memory-mb': 1024, 'allow-list': [] },
  };
  const to = {
    'update-progress': [],
    application: { command: 'php', arguments: null },
    vcs: { url: 'https://example.com/a.git', 'latest-commit': 'abc', username: null },
    docker: { 'image-name': 'b' },
    individuals: [field('same'), field('host', { 'field-name': 'Host' }), field('new')],
    'feature-flags': ['b', 'c'],
    buckets: [{ 'bucket-id': '2', type: 'free', environment: 'dev' }],
    limits: { 'memory-mb': 2048, 'allow-list': ['example.com:443'] },
  };
  expect(configurationDiff(from, to)).toEqual([
    { path: 'application.command', from: 'node', to: 'php' },
    { path: 'buckets[dev].bucket-id', from: '1', to: '2' },
    { path: 'feature-flags[a]', from: 'a', to: null },
    { path: 'feature-flags[c]', from: null, to: 'c' },
    { path: 'individuals[gone]', from: { 'command-option': 'gone', 'field-name': 'gone' }, to: null },
    { path: 'individuals[host].field-name', from: 'host', to: 'Host' },
    { path: 'individuals[new]', from: null, to: { 'command-option': 'new', 'field-name': 'new' } },
    { path: 'limits.allow-list[example.com:443]', from: null, to: 'example.com:443' },
    { path: 'limits.memory-mb', from: 1024, to: 2048 },
    { path: 'vcs.url', from: null, to: 'https://example.com/a.git' },
  ]);
  expect(configurationDiff(from, from)).toEqual([]);
});
