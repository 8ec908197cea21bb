import { randomUUID } from 'node:crypto';
import { quoteWords, splitWords } from '@slipway/contract';
import { BuildError, DEFAULT_RUN_LIMITS, type HealthCheckRequest } from '../engine.ts';
import { StreamLines } from '../run/stream-lines.ts';
import { logDaemonFailure } from './build-failure.ts';
import { removeQuietly, statusOf } from './client.ts';
import { exitCodeOf } from './container-end.ts';
import { followOutput } from './container-output.ts';
import type { DockerHost } from './docker-host.ts';
import { workLabels } from './labels.ts';
import { restrictions } from './restrictions.ts';
import { StartFailure, StartWatcher } from './start-failure.ts';

/** Time a health check has (container-api.md 8.3). */
const HEALTH_TIMEOUT_MS = 5_000;

/**
 * Runs the health check of an image once, in a fresh container without settings, sidecar or network.
 *
 * @param image what the daemon calls it
 * @throws {BuildError} with the contract's texts
 */
export async function checkHealth(
  host: Pick<DockerHost, 'docker' | 'installation'>,
  request: HealthCheckRequest,
  image: string,
  work: string = randomUUID(),
): Promise<void> {
  const { docker, installation } = host;
  const { log, mask, signal } = request;
  const words = [request.command, request.arguments ?? '', request.healthCheck].flatMap(splitWords);
  await log('info', 'health', mask(`$ ${quoteWords(words)}`));
  const container = await docker
    .createContainer({
      Image: image,
      Entrypoint: words,
      Cmd: [],
      Healthcheck: { Test: ['NONE'] },
      NetworkDisabled: true,
      Labels: workLabels(installation, work, 'health'),
      HostConfig: { ...restrictions(DEFAULT_RUN_LIMITS), NetworkMode: 'none' },
    })
    .catch(giveUp);
  const kill = () => void container.kill().catch(() => {});
  const lines = {
    stdout: new StreamLines('stdout', toHealth(request)),
    stderr: new StreamLines('stderr', toHealth(request)),
  };
  const reading = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let tooLong = false;
  try {
    signal.throwIfAborted();
    signal.addEventListener('abort', kill, { once: true });
    const ended = exitCodeOf(container, 'next-exit');
    ended.catch(() => {});
    const refusal = await container.start().then(
      () => null,
      (error: unknown) => {
        if (statusOf(error) === null) throw error;
        return StartFailure.ofRefusal(error, words);
      },
    );
    if (refusal !== null) return await fail(127, refusal.text);
    timer = setTimeout(() => {
      tooLong = true;
      kill();
    }, HEALTH_TIMEOUT_MS);
    const watch = new StartWatcher(words);
    const output = followOutput(
      container,
      async ({ stream, bytes }) => {
        if (!watch.take(stream, bytes)) await lines[stream].take(bytes);
      },
      reading.signal,
      // The check has seconds; a daemon that goes away has ended it.
      0,
    );
    output.catch(() => {});
    const code = await ended;
    await output;
    await lines.stdout.end();
    await lines.stderr.end();
    signal.throwIfAborted();
    if (tooLong) throw new BuildError('health', 'Checking image health took too long');
    const failure = await watch.failure(container, code);
    if (failure) return await fail(failure.exitCode, failure.text);
    if (code !== 0) return await fail(code);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof BuildError) throw error;
    return await giveUp(error);
  } finally {
    clearTimeout(timer);
    reading.abort();
    signal.removeEventListener('abort', kill);
    // What can not be removed now is found by its labels later.
    await removeQuietly(() => container.remove({ force: true, v: true })).catch(() => {});
  }

  async function giveUp(error: unknown): Promise<never> {
    signal.throwIfAborted();
    await logDaemonFailure(host, request, 'health', error);
    return await fail(1);
  }

  async function fail(code: number, cause?: string): Promise<never> {
    if (cause !== undefined) await log('error', 'health', mask(cause));
    throw new BuildError('health', `Image health check exited with code ${code}`, code);
  }
}

/** In a build's log the source of a line is the step. */
function toHealth({ log, mask }: HealthCheckRequest) {
  return {
    mask,
    log: (level: Parameters<typeof log>[0], _source: string, text: string) => log(level, 'health', text),
  };
}
