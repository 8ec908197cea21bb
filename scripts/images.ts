/**
 * npm run images: builds the images that Slipway brings along, which is the sidecar's. The server does the same by itself
 * when it chooses the engine docker; this is for registries and for machines that are cut off later.
 */
import { buildSidecarImage } from '../packages/engine/src/docker/sidecar-image.ts';

const host = process.env.SLIPWAY_DOCKER_HOST ?? 'unix:///var/run/docker.sock';
try {
  console.log(await buildSidecarImage(host, console.log));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
