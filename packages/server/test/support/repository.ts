import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { newId } from '../../src/ids.ts';
import type { TestServer } from './server.ts';

/** A git repository where local ones are allowed. */
export interface TestRepository {
  url: string;
  /** Writes files and commits them; gives the commit's id. */
  commit(files: Record<string, string>): string;
}

/** A program without dependencies that ends well. */
export const plainConnector = {
  Dockerfile: 'FROM scratch\nCMD ["sh", "main.sh"]\n',
  'main.sh': 'echo ready\n',
};

/** Makes a repository with one commit. */
export function makeRepository(
  test: TestServer,
  files: Record<string, string> = plainConnector,
): TestRepository {
  const folder = join(test.server.services.settings.localRepositoriesRoot, newId());
  mkdirSync(folder, { recursive: true });
  const git = (...args: string[]): string =>
    execFileSync('git', ['-c', 'user.name=Test', '-c', 'user.email=test@example.com', ...args], {
      cwd: folder,
      encoding: 'utf8',
    }).trim();
  git('init', '--quiet', '--initial-branch', 'main');
  const repository: TestRepository = {
    url: folder,
    commit(contents) {
      for (const [name, content] of Object.entries(contents)) {
        mkdirSync(dirname(join(folder, name)), { recursive: true });
        writeFileSync(join(folder, name), content);
      }
      git('add', '--all');
      git('commit', '--quiet', '--allow-empty', '--message', 'A change');
      return git('rev-parse', 'HEAD');
    },
  };
  repository.commit(files);
  return repository;
}
