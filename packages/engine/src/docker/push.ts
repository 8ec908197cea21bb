import { BuildError, type BuildRequest } from '../engine.ts';
import { dockerMessage } from './client.ts';
import type { DockerHost, Registry } from './docker-host.ts';
import { type DockerImage, readLines } from './image.ts';

interface PushMessage {
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
  readonly aux?: { readonly Digest?: string };
}

/**
 * Pushes an image to the registry.
 *
 * @returns the digest by which the registry knows it
 * @throws {BuildError} `Pushing the image failed with exit code <code>`
 */
export async function pushImage(
  { docker }: DockerHost,
  registry: Registry,
  image: DockerImage,
  { log, mask }: Pick<BuildRequest, 'log' | 'mask'>,
  signal: AbortSignal,
): Promise<string> {
  const fail = async (text: string): Promise<never> => {
    signal.throwIfAborted();
    await log('error', 'push', mask(text));
    throw new BuildError('push', 'Pushing the image failed with exit code 1', 1);
  };
  let digest: string | null = null;
  let refusal: string | null = null;
  await log('info', 'push', `Pushing ${image.repository}:${image.tag}`);
  try {
    const stream = await docker
      .getImage(`${image.repository}:${image.tag}`)
      .push({ tag: image.tag, authconfig: authOf(registry), abortSignal: signal });
    await readLines(stream, (line) => {
      const message = JSON.parse(line) as PushMessage;
      digest = message.aux?.Digest ?? digest;
      refusal = message.error ?? refusal;
    });
  } catch (error) {
    return fail(dockerMessage(error));
  }
  if (refusal !== null) return fail(refusal);
  if (digest === null) return fail('The Docker Engine ended the push without a result.');
  await log('info', 'push', `The registry has it as ${digest}.`);
  return digest;
}

/** Credentials as the Docker Engine API takes them; it wants some even where none are needed. */
export function authOf({ address, credentials }: Registry) {
  return {
    username: credentials?.username ?? '',
    password: credentials?.password ?? '',
    serveraddress: address.split('/')[0] ?? '',
  };
}
