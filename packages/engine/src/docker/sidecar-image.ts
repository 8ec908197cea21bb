import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type Docker from 'dockerode';
import { pack } from 'tar-fs';
import { BuildOutput } from './build-output.ts';
import { dockerClient, dockerMessage } from './client.ts';
import { hasImage, readLines } from './image.ts';
import { LABEL } from './labels.ts';
import { sidecarUid } from './sidecar-user.ts';

/** Name of the image; its tag tells what it was made from. */
const NAME = 'slipway/container-api';
const RECIPE = 'deploy/container-api';
/** What of the packages goes into the image; their tests do not. */
const SOURCES = [
  ...['contract', 'records', 'container-api'].flatMap((name) => [
    `packages/${name}/src`,
    `packages/${name}/package.json`,
  ]),
  'packages/engine/src/egress.ts',
  'packages/engine/src/run/egress-proxy.ts',
  'packages/engine/src/docker/way-out-main.ts',
  'packages/engine/package.json',
  'package.json',
];
/** Native code for data sets, of which a sidecar has none; it is loaded with its first use only. */
const LEFT_OUT = new Set(['@duckdb/node-api']);

/** The repository that this program is part of. */
const projectFolder = (): string => fileURLToPath(new URL('../../../../', import.meta.url));

/** Name and tag of the sidecar's image for the present sources and user: others, another tag. */
async function sidecarImageName(root = projectFolder()): Promise<string> {
  const hash = createHash('sha256').update(`${sidecarUid()}\0`);
  const add = async (path: string): Promise<void> => {
    if ((await stat(join(root, path))).isDirectory()) {
      for (const name of (await readdir(join(root, path))).sort()) await add(`${path}/${name}`);
    } else if (!path.endsWith('.test.ts')) {
      hash.update(`${path}\0`).update(await readFile(join(root, path)));
    }
  };
  for (const path of [RECIPE, ...SOURCES]) await add(path);
  const lock = 'package-lock.json';
  if (existsSync(join(root, lock))) await add(lock);
  return `${NAME}:${hash.digest('hex').slice(0, 16)}`;
}

/**
 * Makes sure that the daemon has the sidecar's image for the present sources.
 *
 * @param say takes a sentence before a build, which can take a minute
 * @param onLine takes the lines of the build
 * @returns name and tag
 * @throws when it can not be built; the message is the daemon's
 */
export async function ensureSidecarImage(
  docker: Docker,
  say: (line: string) => void,
  onLine: (line: string) => void = () => {},
  root = projectFolder(),
): Promise<string> {
  const name = await sidecarImageName(root);
  if (await hasImage(docker, name)) return name;
  say(`Building the image of the Container API, ${name}; this is done once`);
  const output = new BuildOutput((_level, text) => onLine(text));
  try {
    const stream = await docker.buildImage(await imageContext(root), {
      t: name,
      version: '2',
      buildargs: { SIDECAR_UID: String(sidecarUid()) },
      labels: { [LABEL.kind]: 'sidecar-image' },
    });
    stream.once('close', () => stream.emit('end'));
    await readLines(stream, (line) => output.take(line));
  } catch (error) {
    throw new Error(`the image of the Container API could not be built: ${dockerMessage(error)}`);
  }
  output.end();
  if (output.failure || output.image === null) {
    const cause = output.failure?.message ?? 'the daemon ended the build without a result';
    throw new Error(`the image of the Container API could not be built: ${cause}`);
  }
  return name;
}

/**
 * Builds the sidecar's image at a daemon, unless it is there.
 *
 * @param host as SLIPWAY_DOCKER_HOST names it
 * @returns name and tag
 */
export const buildSidecarImage = (host: string, say: (line: string) => void): Promise<string> =>
  ensureSidecarImage(dockerClient(host), say, say);

async function imageContext(root: string) {
  const packages = await dependencies(root);
  const modules = packages.map((name) => `node_modules/${name}`);
  return pack(root, {
    entries: [
      ...SOURCES,
      ...modules,
      ...['contract', 'records'].map((name) => `node_modules/@slipway/${name}`),
      RECIPE,
    ],
    ignore: (path) => path.endsWith('.test.ts'),
    map: (header) => {
      header.uid = 0;
      header.gid = 0;
      // The sidecar's user is another one than whoever cloned the sources.
      header.mode = (header.mode ?? 0) | (header.type === 'directory' ? 0o555 : 0o444);
      // The recipe belongs to the root of the context.
      header.name = header.name.replace(`${RECIPE}/`, '');
      return header;
    },
  });
}

/** Packages that the sidecar's packages need to run, wherever npm has put them below the project's own modules. */
async function dependencies(root: string): Promise<string[]> {
  const found = new Set<string>();
  const visit = async (folder: string): Promise<void> => {
    const description = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as {
      dependencies?: Record<string, string>;
    };
    for (const name of Object.keys(description.dependencies ?? {})) {
      if (name.startsWith('@slipway/') || LEFT_OUT.has(name) || found.has(name)) continue;
      const place = join(root, 'node_modules', name);
      // What a package keeps for itself is part of its folder.
      if (existsSync(join(folder, 'node_modules', name)) || !existsSync(place)) continue;
      found.add(name);
      await visit(place);
    }
  };
  for (const name of ['contract', 'records', 'container-api']) await visit(join(root, 'packages', name));
  return [...found].sort();
}
