import type { Engine } from '../engine.ts';
import type { GitSettings } from '../git/repository.ts';
import { dockerClient, dockerMessage, pingDocker } from './client.ts';
import { createDockerEngine } from './docker-engine.ts';
import type { DockerSettings } from './docker-host.ts';
import { hasImage } from './image.ts';
import { pullImage } from './images.ts';
import { ensureSidecarImage } from './sidecar-image.ts';

/**
 * Opens the engine docker. It can be used when the daemon answers and the sidecar's image is there, or can be made: that
 * image stands on the one most connectors stand on, so where it can not be had, neither could they.
 *
 * @param say takes lines about what takes long
 * @returns the engine, or why it can not be used, as a sentence
 */
export async function openDocker(
  settings: DockerSettings & { readonly workFolder: string; readonly git: GitSettings },
  say: (line: string) => void,
): Promise<{ engine: Engine } | { problem: string }> {
  const docker = dockerClient(settings.host);
  try {
    await pingDocker(docker);
  } catch (error) {
    return { problem: `Docker does not answer at ${settings.host} (${reasonOf(error)}).` };
  }
  try {
    const { sidecarImage: wanted } = settings;
    if (wanted !== null && !(await hasImage(docker, wanted))) {
      say(`Fetching the image of the Container API, ${wanted}`);
      await pullImage(docker, wanted, settings.registry);
    }
    const sidecarImage = wanted ?? (await ensureSidecarImage(docker, say));
    return { engine: createDockerEngine({ ...settings, docker, sidecarImage }) };
  } catch (error) {
    return { problem: `Docker answers, but ${dockerMessage(error).replace(/\.+$/, '')}.` };
  }
}

function reasonOf(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'there is no such socket';
  if (code === 'EACCES') return 'permission denied';
  if (code === 'ECONNREFUSED') return 'nobody listens there';
  return dockerMessage(error);
}
