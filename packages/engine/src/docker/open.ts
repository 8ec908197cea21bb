import type { Engine } from '../engine.ts';
import type { GitSettings } from '../git/repository.ts';
import { awayReason, dockerClient, dockerMessage, pingDocker } from './client.ts';
import { DAEMON_AWAY_MS } from './container-end.ts';
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
    const reason = awayReason(error) ?? dockerMessage(error);
    return { problem: `Docker does not answer at ${settings.host} (${reason}).` };
  }
  try {
    const { sidecarImage: wanted } = settings;
    if (wanted !== null && !(await hasImage(docker, wanted))) {
      say(`Fetching the image of the Container API, ${wanted}`);
      await pullImage(docker, wanted, settings.registry);
    }
    const sidecarImage = wanted ?? (await ensureSidecarImage(docker, say));
    const { daemonAwayMs = DAEMON_AWAY_MS } = settings;
    return { engine: createDockerEngine({ ...settings, daemonAwayMs, docker, sidecarImage }) };
  } catch (error) {
    return { problem: `Docker answers, but ${dockerMessage(error).replace(/\.+$/, '')}.` };
  }
}
