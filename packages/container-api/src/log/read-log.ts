import { type JournalPart, readJournal } from '../run/journal.ts';
import type { LogEntry } from './run-log.ts';

/** A part of a log journal. */
export type LogPart = JournalPart<LogEntry>;

/** Reads entries of a log journal that may still grow; parameters as {@link readJournal} has them. */
export const readLog = (path: string, offset?: number, maxBytes?: number): Promise<LogPart> =>
  readJournal(path, offset, maxBytes);
