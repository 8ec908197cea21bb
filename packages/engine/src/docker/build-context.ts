import { lstatSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import type { Readable } from 'node:stream';
import dockerIgnore from '@balena/dockerignore';
import { pack } from 'tar-fs';

/** Docker sends both in every case, so that the builder can read them. */
const ALWAYS_SENT = ['Dockerfile', '.dockerignore'];

/**
 * A folder as the context of a build: a tar stream of what `.dockerignore` leaves. Owners are left out, so that a
 * checkout by another user finds its layers in the cache; times do not count there anyway.
 */
export async function buildContext(folder: string): Promise<Readable> {
  const isIgnored = await ignoreRules(folder);
  return pack(folder, {
    ignore: (path) => isIgnored(relative(folder, path).split(sep).join('/'), path),
    map: (header) => Object.assign(header, { uid: 0, gid: 0 }),
  });
}

async function ignoreRules(folder: string): Promise<(inside: string, path: string) => boolean> {
  const rules =
    (await readFile(join(folder, 'Dockerfile.dockerignore'), 'utf8').catch(() => null)) ??
    (await readFile(join(folder, '.dockerignore'), 'utf8').catch(() => null));
  if (rules === null) return () => false;
  const isSent = dockerIgnore.default({ ignorecase: false }).add(rules).createFilter();
  // A rule with "!" can bring back what lies in an ignored folder: then folders have to be looked into.
  const hasExceptions = /^\s*!/m.test(rules);
  return (inside, path) => {
    if (inside === '' || ALWAYS_SENT.includes(inside) || isSent(inside)) return false;
    return !(hasExceptions && lstatSync(path).isDirectory());
  };
}
