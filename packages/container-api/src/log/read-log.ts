import { open } from 'node:fs/promises';
import type { LogEntry } from './run-log.ts';

/** A part of a log journal. */
export interface LogPart {
  readonly entries: readonly LogEntry[];
  /** Where to read on: the byte behind the last entry. */
  readonly offset: number;
}

/**
 * Reads whole entries of a journal that may still grow; an entry that is not yet complete is left for the next call.
 *
 * @param offset byte behind the last entry read so far; 0 at the beginning
 * @param maxBytes how much is read at once at most; more only if one entry is larger
 * @returns no entries when there is nothing new, or no journal
 */
export async function readLog(path: string, offset = 0, maxBytes = 1024 * 1024): Promise<LogPart> {
  const handle = await open(path, 'r').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
  if (!handle) return { entries: [], offset };
  try {
    const block = Buffer.allocUnsafe(maxBytes);
    const { bytesRead } = await handle.read(block, 0, maxBytes, offset);
    const end = block.subarray(0, bytesRead).lastIndexOf(0x0a) + 1;
    if (end === 0)
      return bytesRead < maxBytes ? { entries: [], offset } : readLog(path, offset, maxBytes * 4);
    const lines = block.toString('utf8', 0, end - 1).split('\n');
    return { entries: lines.map((line) => JSON.parse(line) as LogEntry), offset: offset + end };
  } finally {
    await handle.close();
  }
}
