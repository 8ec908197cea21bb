import { setTimeout as sleep } from 'node:timers/promises';
import type { Container } from 'dockerode';
import { statusOf } from './client.ts';

/** A daemon that is being restarted has so long to come back, in milliseconds. */
const DAEMON_AWAY_MS = 120_000;
const RETRY_MS = 300;

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
 * @returns null when the container is gone, or the daemon did not come back; never rejected
 */
export async function awaitExit(container: Container): Promise<ContainerEnd | null> {
  let daemonLeft = false;
  let awaySince: number | null = null;
  for (;;) {
    try {
      // The container may have ended before: then this answers at once.
      await container.wait({ condition: 'not-running' });
      const { State } = await container.inspect();
      // Somebody removes it, which is no end of the connector's own.
      if (State.Dead || State.Status === 'removing') return null;
      if (!State.Running) return { exitCode: State.ExitCode, outOfMemory: State.OOMKilled, daemonLeft };
      awaySince = null;
    } catch (error) {
      if (statusOf(error) === 404) return null;
      daemonLeft = true;
      awaySince ??= Date.now();
      if (Date.now() - awaySince > DAEMON_AWAY_MS) return null;
    }
    await sleep(RETRY_MS);
  }
}

/** A daemon that has just begun refuses for a moment what it does not know yet. */
const REFUSED_TRIES = 10;

/**
 * Does something at the daemon, again and again while it is away, and a few times when it refuses.
 *
 * @throws what the daemon refuses in the end, and when it does not come back
 */
export async function acrossRestart<T>(work: () => Promise<T>): Promise<T> {
  const begin = Date.now();
  for (let refused = 0; ; ) {
    try {
      return await work();
    } catch (error) {
      if (statusOf(error) !== null) refused += 1;
      if (refused > REFUSED_TRIES || Date.now() - begin > DAEMON_AWAY_MS) throw error;
      await sleep(RETRY_MS);
    }
  }
}
