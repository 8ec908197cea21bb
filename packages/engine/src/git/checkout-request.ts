import type { LogSink, Mask } from '../log.ts';
import type { GitSettings, RepositoryAccess } from './repository.ts';

/** What to fetch, and where to put it. */
export interface CheckoutRequest {
  readonly url: string;
  readonly access: RepositoryAccess;
  /** Branch or tag. */
  readonly branch: string;
  /** Exact commit: 7 to 40 hex digits. Wins over the branch. */
  readonly commit?: string;
  /** Folder that is made for the working tree. */
  readonly target: string;
  readonly settings: GitSettings;
  readonly log: LogSink;
  readonly mask: Mask;
  readonly signal?: AbortSignal | undefined;
}
