import type { Container } from 'dockerode';
import type { RunRequest } from '../engine.ts';
import type { LogSink } from '../log.ts';
import { CAPTURE_LIMIT_BYTES, StreamLines } from '../run/stream-lines.ts';
import { followOutput } from './container-output.ts';
import type { StartFailure } from './start-failure.ts';
import { StartWatcher } from './start-failure.ts';

/**
 * Carries what a connector prints into the run's log. The daemon keeps the output, so the log can be brought up to date at
 * any time: it is read from the beginning, and the lines that the log has already are passed over.
 */
export class ConnectorOutput {
  readonly #container: Container;
  readonly #request: RunRequest;
  readonly #log: LogSink;
  readonly #watcher: StartWatcher;
  readonly #daemonAwayMs: number;
  #reading: {
    abort: AbortController;
    done: Promise<void>;
    lines: Record<'stdout' | 'stderr', StreamLines>;
  } | null = null;
  #known = { stdout: 0, stderr: 0 };

  constructor(
    container: Container,
    request: RunRequest,
    words: readonly string[],
    log: LogSink,
    daemonAwayMs: number,
  ) {
    this.#container = container;
    this.#daemonAwayMs = daemonAwayMs;
    this.#request = request;
    this.#log = log;
    this.#watcher = new StartWatcher(words);
  }

  /** Lines in the log so far. */
  get lines(): Record<'stdout' | 'stderr', number> {
    return {
      stdout: this.#known.stdout + (this.#reading?.lines.stdout.lines ?? 0),
      stderr: this.#known.stderr + (this.#reading?.lines.stderr.lines ?? 0),
    };
  }

  /** Stops reading while the log is interrupted; nothing is handed over any more when this is fulfilled. */
  async pause(): Promise<void> {
    this.#reading?.abort.abort();
    await this.#reading?.done.catch(() => {});
  }

  /**
   * Begins to read, at first or after a pause.
   *
   * @param known lines that the log has
   */
  begin(known: { readonly stdout: number; readonly stderr: number }): void {
    this.#known = { ...known };
    const to = { log: this.#log, mask: this.#request.mask, maskStream: this.#request.maskStream };
    const lines = {
      stdout: new StreamLines('stdout', to, known.stdout),
      stderr: new StreamLines('stderr', to, known.stderr),
    };
    const abort = new AbortController();
    const done = this.#read(lines, abort.signal);
    done.catch(() => {});
    this.#reading = { abort, done, lines };
  }

  /** Waits for the last line; to be called when the container has ended. @throws {DaemonLostError} */
  async finish(): Promise<void> {
    // A sidecar that is started again in between begins a new reading.
    for (
      let reading = this.#reading;
      reading !== null;
      reading = this.#reading === reading ? null : this.#reading
    ) {
      await reading.done;
    }
  }

  /** Why the program never started; null when it did. */
  startFailure(exitCode: number): Promise<StartFailure | null> {
    return this.#watcher.failure(this.#container, exitCode);
  }

  stop(): void {
    this.#reading?.abort.abort();
  }

  async #read(lines: Record<'stdout' | 'stderr', StreamLines>, signal: AbortSignal): Promise<void> {
    const taken = { stdout: 0, stderr: 0 };
    const dropped = new Set<'stdout' | 'stderr'>();
    this.#watcher.reset();
    await followOutput(
      this.#container,
      async ({ stream, bytes }) => {
        if (this.#watcher.take(stream, bytes)) return;
        const room = CAPTURE_LIMIT_BYTES - taken[stream];
        if (bytes.length > room) dropped.add(stream);
        const kept = bytes.subarray(0, Math.max(0, room));
        taken[stream] += kept.length;
        if (kept.length > 0) await lines[stream].take(kept);
      },
      signal,
      this.#daemonAwayMs,
    );
    if (signal.aborted) return;
    for (const stream of ['stdout', 'stderr'] as const) {
      await lines[stream].end();
      if (dropped.has(stream)) await lines[stream].sayDropped();
    }
  }
}
