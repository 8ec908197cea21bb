import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from 'dockerode';
import { post, statusOf } from './client.ts';

/** How long a daemon may be away in general, see `DockerHost`, in milliseconds. */
export const DAEMON_AWAY_MS = 120_000;
const RETRY_MS = 300;

/**
 * Waits for a container to exit. The daemon sends the head of its answer at once and the body in the end; the library's own
 * `wait` would wait for ever when the daemon is killed in between.
 *
 * @throws what the daemon refuses, and when it goes away
 */
export async function exitCodeOf(
  container: Container,
  condition: 'not-running' | 'next-exit',
): Promise<number> {
  const path = `/containers/${container.id}/wait`;
  const answer = await post<AsyncIterable<Buffer>>(container, path, { condition }, true);
  let text = '';
  for await (const chunk of answer) text += chunk.toString();
  return (JSON.parse(text) as { StatusCode: number }).StatusCode;
}

/** How a container ended. */
export interface ContainerEnd {
  readonly exitCode: number;
  readonly outOfMemory: boolean;
  /** The daemon went away while the container ran: its end may be the daemon's doing. */
  readonly daemonLeft: boolean;
}

/**
 * Waits for the end of a container, also across a restart of the daemon.
 *
 * @param daemonAwayMs how long the daemon may be away
 * @returns null when the container is gone, or the daemon did not come back; never rejected
 */
export async function awaitExit(container: Container, daemonAwayMs: number): Promise<ContainerEnd | null> {
  let daemonLeft = false;
  let awaySince: number | null = null;
  for (;;) {
    try {
      // The container may have ended before: then this answers at once.
      await exitCodeOf(container, 'not-running');
      const { State } = await container.inspect();
      // Somebody removes it, which is no end of the connector's own.
      if (State.Dead || State.Status === 'removing') return null;
      if (!State.Running) return { exitCode: State.ExitCode, outOfMemory: State.OOMKilled, daemonLeft };
      awaySince = null;
    } catch (error) {
      if (statusOf(error) === 404) return null;
      daemonLeft = true;
      awaySince ??= Date.now();
      if (Date.now() - awaySince > daemonAwayMs) return null;
    }
    await sleep(RETRY_MS);
  }
}

/** A daemon that has just begun refuses for a moment what it does not know yet. */
const REFUSED_TRIES = 10;

/**
 * Does something at the daemon, again and again while it is away, and a few times when it refuses.
 *
 * @param daemonAwayMs how long it may be away
 * @throws what the daemon refuses in the end, and when it does not come back
 */
export async function acrossRestart<T>(work: () => Promise<T>, daemonAwayMs: number): Promise<T> {
  const begin = Date.now();
  for (let refused = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      if (statusOf(error) !== null) refused += 1;
      if (refused > REFUSED_TRIES || Date.now() - begin > daemonAwayMs) throw error;
      await sleep(RETRY_MS);
    }
  }
}
