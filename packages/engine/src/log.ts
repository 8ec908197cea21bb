/** Severity names of log lines the engine itself writes (container-api.md 2.7). */
export type EngineLogLevel = 'error' | 'warning' | 'notice' | 'info' | 'debug';

/**
 * Takes one log line. `source` is the step of a build, or `stdout`, `stderr` or `engine` in a run.
 *
 * A sink may answer with a promise: the engine then waits before it hands over the next line, so a slow store
 * slows down the reading of the spool and never the connector.
 */
export type LogSink = (
  level: EngineLogLevel,
  source: string,
  message: string,
  context?: Record<string, unknown>,
) => void | Promise<void>;

/** Replaces every secret value the caller knows by `***`. Applied to everything that leaves the engine as text. */
export type Mask = (text: string) => string;

/**
 * Masks a stream of text: a secret that spans several lines, or that is torn apart where a long line is split, is found
 * too. What may be the beginning of a secret is held back until the next piece or the end decides.
 */
export interface MaskStream {
  push(part: string): string;
  /** The rest that was held back. */
  end(): string;
}
