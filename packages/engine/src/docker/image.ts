import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { imageFailed } from '../build/check.ts';
import { checkoutDigest, gitLeftovers } from '../build/digest.ts';
import { imageName, imageTag } from '../build/image-name.ts';
import type { BuildSource, BuiltImage } from '../build/run-build.ts';
import { BuildError, type BuildRequest } from '../engine.ts';
import { buildContext } from './build-context.ts';
import { logDaemonFailure } from './build-failure.ts';
import { BuildOutput } from './build-output.ts';
import { post, statusOf } from './client.ts';
import type { DockerHost } from './docker-host.ts';
import { fullDiskAdvice, tellsOfFullDisk } from './full-disk.ts';
import { LABEL, labelFilter } from './labels.ts';

/** An image at the daemon. */
export interface DockerImage extends BuiltImage {
  /** Name with the registry, without a tag. */
  readonly repository: string;
  readonly tag: string;
}

/** Name of a connector's images at this daemon, with the registry they are pushed to. */
export const repositoryOf = ({ registry }: Pick<DockerHost, 'registry'>, connectorId: string): string =>
  registry === null ? imageName(connectorId) : `${registry.address}/${imageName(connectorId)}`;

/**
 * Builds the image of a checkout, or finds the one that the same input has made before.
 *
 * @throws {BuildError} `Build docker image failed, with exit code <code>`
 */
export async function makeImage(
  host: DockerHost,
  request: BuildRequest,
  source: BuildSource,
  signal: AbortSignal,
): Promise<DockerImage> {
  try {
    return await findOrBuild(host, request, source, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BuildError) throw error;
    await logDaemonFailure(host, request, 'image', error);
    throw imageFailed(1);
  }
}

async function findOrBuild(
  host: DockerHost,
  request: BuildRequest,
  source: BuildSource,
  signal: AbortSignal,
): Promise<DockerImage> {
  const { docker } = host;
  const { connector } = request;
  const folder = join(source.checkout, source.directory);
  const leftovers = await gitLeftovers(source.checkout);
  await Promise.all(leftovers.map((path) => rm(path, { recursive: true, force: true })));
  const labels = {
    [LABEL.installation]: host.installation,
    [LABEL.kind]: 'connector-image',
    [LABEL.connector]: connector.id,
    [LABEL.version]: connector.version,
    [LABEL.commit]: source.commit,
  };
  const input = await checkoutDigest(folder, { environment: labels, directory: '', recipe: [['docker']] });
  const repository = repositoryOf(host, connector.id);
  const tag = imageTag(connector.version, source.commit);
  const found = await findByInput(host, input);
  if (found !== null) {
    await request.log('info', 'image', `Nothing has changed since ${found} was built.`);
    // Besides the name, which may have gone, the time of the last use: the garbage collector looks at it.
    await docker.getImage(found).tag({ repo: repository, tag });
    return { digest: found, reused: true, repository, tag };
  }
  const image = await build(
    host,
    request,
    folder,
    {
      t: `${repository}:${tag}`,
      labels: { ...labels, [LABEL.input]: input },
      buildid: request.buildId,
    },
    signal,
  );
  await request.log('info', 'image', `Built ${image}.`);
  await boundCache(host);
  return { digest: image, reused: false, repository, tag };
}

async function findByInput({ docker, installation }: DockerHost, input: string): Promise<string | null> {
  const filters = labelFilter({ [LABEL.installation]: installation, [LABEL.input]: input });
  const [image] = await docker.listImages({ filters });
  return image?.Id ?? null;
}

interface BuildOptions {
  readonly t: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly buildid: string;
}

async function build(
  { docker }: DockerHost,
  request: BuildRequest,
  folder: string,
  options: BuildOptions,
  signal: AbortSignal,
): Promise<string> {
  let saying: Promise<unknown> = Promise.resolve();
  let isFull = false;
  const output = new BuildOutput((level, text) => {
    isFull ||= tellsOfFullDisk(text);
    // The log may be slower than the build; its order is kept.
    saying = saying.then(() => request.log(level, 'image', request.mask(text)));
  });
  const cancel = () => void cancelBuild(docker, options.buildid);
  signal.addEventListener('abort', cancel, { once: true });
  try {
    const context = await buildContext(folder);
    const stream = await docker.buildImage(context, {
      ...options,
      version: '2',
      rm: true,
      forcerm: true,
      abortSignal: signal,
    });
    // The library ends its session with BuildKit at the stream's end, which a broken stream never comes to.
    stream.once('close', () => stream.emit('end'));
    await readLines(stream, (line) => output.take(line));
  } finally {
    signal.removeEventListener('abort', cancel);
    await saying;
  }
  output.end();
  await saying;
  signal.throwIfAborted();
  const { failure, image } = output;
  if (failure) {
    await request.log('error', 'image', request.mask(failure.message));
    // The builder names the step only; why it failed is what the step has said.
    if (isFull || tellsOfFullDisk(failure.message)) {
      await request.log('error', 'image', await fullDiskAdvice(docker));
    }
    throw imageFailed(failure.exitCode);
  }
  if (image !== null) return image;
  // A daemon that goes away ends the stream like one that is done.
  await request.log('error', 'image', 'The Docker Engine ended the build without a result.');
  throw imageFailed(1);
}

async function cancelBuild(docker: DockerHost['docker'], id: string): Promise<void> {
  // Closing the connection ends a build too; this ends one whose context is still on its way.
  await post(docker, '/build/cancel', { id }).catch(() => {});
}

/** Reads a stream of text line by line, whatever the pieces are. Memory is bounded by one line. */
export async function readLines(
  stream: NodeJS.ReadableStream,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  let rest = '';
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) onLine(line);
  });
  await finished(stream as NodeJS.ReadableStream & { readable: boolean });
  if (rest !== '') onLine(rest);
}

/** Keeps the build cache within its bound; the daemon drops what was used longest ago. */
async function boundCache({ docker, cacheBytes }: DockerHost): Promise<void> {
  // Older daemons know the first name, newer ones the second. One that is busy elsewhere says no; the next build asks again.
  const query = { 'keep-storage': cacheBytes, 'reserved-space': cacheBytes };
  await post(docker, '/build/prune', query).catch(() => {});
}

/** Whether an image is at the daemon. */
export async function hasImage(docker: DockerHost['docker'], name: string): Promise<boolean> {
  try {
    await docker.getImage(name).inspect();
    return true;
  } catch (error) {
    if (statusOf(error) === 404) return false;
    throw error;
  }
}
