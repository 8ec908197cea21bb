import type Docker from 'dockerode';
import { dockerMessage, isMissing, statusOf } from './client.ts';
import type { DockerHost, Registry } from './docker-host.ts';
import { readLines, repositoryOf } from './image.ts';
import { LABEL, labelFilter } from './labels.ts';
import { authOf } from './push.ts';

/** An image at the daemon, as a run needs it. */
export interface FoundImage {
  /** What the daemon calls it: its own digest. */
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Finds the image of a digest: one of the daemon's own, one it knows from the registry, or one that is fetched from there.
 *
 * @throws when there is none
 */
export async function findImage(host: DockerHost, digest: string, connectorId: string): Promise<FoundImage> {
  const name = `${repositoryOf(host, connectorId)}@${digest}`;
  const found =
    (await inspect(host, digest)) ?? (await inspect(host, name)) ?? (await byAnyName(host, digest));
  if (found) return found;
  if (host.registry === null) throw new Error(`the image ${digest} is not on this machine`);
  await pullImage(host.docker, name, host.registry);
  const pulled = await inspect(host, name);
  if (!pulled) throw new Error(`the image ${digest} is not in the registry`);
  return pulled;
}

async function inspect({ docker }: DockerHost, name: string): Promise<FoundImage | null> {
  try {
    const { Id, Config } = await docker.getImage(name).inspect();
    return { name: Id, labels: Config.Labels ?? {} };
  } catch (error) {
    if (isMissing(error)) return null;
    throw error;
  }
}

/** A connector that was copied runs the image of the one it was copied from. */
async function byAnyName(host: DockerHost, digest: string): Promise<FoundImage | null> {
  const image = (await ownImages(host)).find(({ RepoDigests }) =>
    RepoDigests?.some((name) => name.endsWith(digest)),
  );
  return image ? { name: image.Id, labels: image.Labels ?? {} } : null;
}

/** Fetches an image. @throws when that fails; the message is the daemon's */
export async function pullImage(docker: Docker, name: string, registry: Registry | null): Promise<void> {
  // Credentials go to the registry they belong to, and to no other.
  const ours = registry !== null && name.startsWith(`${registry.address.split('/')[0]}/`);
  try {
    const stream = await docker.pull(name, ours ? { authconfig: authOf(registry) } : {});
    let refusal: string | null = null;
    await readLines(stream, (line) => {
      refusal = (JSON.parse(line) as { error?: string }).error ?? refusal;
    });
    if (refusal !== null) throw new Error(refusal);
  } catch (error) {
    throw new Error(`the image ${name} could not be fetched: ${dockerMessage(error)}`);
  }
}

const ownImages = ({ docker, installation }: DockerHost) =>
  docker.listImages({
    filters: labelFilter({ [LABEL.installation]: installation, [LABEL.kind]: 'connector-image' }),
  });

/**
 * Removes the images of this installation that no version needs and nobody has built or used lately. An image that a
 * container still uses stays for the next time.
 *
 * @returns the digests that were removed, as they were known to the versions
 */
export async function pruneImages(
  host: DockerHost,
  keep: ReadonlySet<string>,
  minimumAgeMs: number,
): Promise<string[]> {
  const removed: string[] = [];
  for (const { Id, RepoDigests, RepoTags } of await ownImages(host)) {
    const digests = [Id, ...(RepoDigests ?? []).map((name) => name.slice(name.indexOf('@') + 1))];
    if (digests.some((digest) => keep.has(digest))) continue;
    const image = host.docker.getImage(Id);
    const { Created, Metadata } = (await image.inspect()) as {
      Created: string;
      Metadata?: { LastTagTime?: string };
    };
    // A build that finds what it needs gives it its name again.
    const used = Math.max(Date.parse(Created), Date.parse(Metadata?.LastTagTime ?? Created) || 0);
    if (Date.now() - used < minimumAgeMs) continue;
    try {
      for (const name of RepoTags ?? []) await host.docker.getImage(name).remove();
      await image.remove();
    } catch (error) {
      // The last name takes the image with it; 409: a container uses it.
      if (statusOf(error) === 409) continue;
      if (!isMissing(error)) throw error;
    }
    removed.push(...digests);
  }
  return removed;
}
