import type { LogSink, Mask } from '../log.ts';
import type { GitSession } from './git-command.ts';

/** git's refusal: its exit code, with its own words already in the log. */
export class GitError extends Error {
  override readonly name = 'GitError';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`Git clone failed with exit code ${exitCode}`);
    this.exitCode = exitCode;
  }
}

/** git's words for a branch or tag that the repository has not. */
export const MISSING_REF = /couldn't find remote ref|no matching remote head/i;

/** git with its words in the build log. */
export class LoggedGit {
  readonly #session: GitSession;
  readonly #words: { readonly log: LogSink; readonly mask: Mask };
  readonly #cwd: string;
  lastCode = 0;
  refIsMissing = false;

  constructor(session: GitSession, words: { readonly log: LogSink; readonly mask: Mask }, cwd: string) {
    this.#session = session;
    this.#words = words;
    this.#cwd = cwd;
  }

  /** Runs a command whose failure ends the checkout. */
  async must(args: readonly string[]): Promise<void> {
    if (!(await this.try(args))) throw new GitError(this.lastCode);
  }

  /**
   * Runs a command whose failure the caller handles.
   *
   * @param quietWhen git's words stay out of the log when they match and the command failed
   */
  async try(args: readonly string[], options: { quietWhen?: RegExp } = {}): Promise<boolean> {
    const lines: string[] = [];
    const end = await this.#session.run(args, { cwd: this.#cwd, onLine: (_, line) => lines.push(line) });
    this.lastCode = end.code;
    const failed = end.code !== 0;
    this.refIsMissing = failed && lines.some((line) => MISSING_REF.test(line));
    if (end.startError) lines.push(`git could not be started: ${end.startError}`);
    if (!(failed && lines.some((line) => options.quietWhen?.test(line)))) {
      for (const line of lines) {
        const level = /^(fatal|error):/i.test(line) ? 'error' : 'info';
        await this.#words.log(level, 'clone', this.#words.mask(line));
      }
    }
    return !failed;
  }

  /** Standard output of a command; empty when it fails. */
  async read(args: readonly string[]): Promise<string> {
    const lines: string[] = [];
    await this.#session.run(args, {
      cwd: this.#cwd,
      onLine: (stream, line) => {
        if (stream === 'stdout') lines.push(line);
      },
    });
    return lines.join('\n');
  }
}
