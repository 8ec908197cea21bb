import { mkdir, open, readdir, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { BLOCK_SIZE, readBlocks, readLines } from './read-blocks.ts';

/*
 * Files of the output stream `output` of a folder:
 *
 *   output.1.ndjson, output.2.ndjson, …   the rows, in the order of the numbers; even ones hold one long call each
 *   output.columns.ndjson                 {"end":<byte>,"names":[…]}: columns that appeared in the call ending there
 *   output.closed.json                    {"rows","bytes","columns"}: written once, when the stream was closed
 *   output.staged.<n>.ndjson              rows of a long call that is not yet accepted
 *
 * The last line of each call ends with a blank before its line break, which is white space to JSON. What follows
 * the last such line belongs to a call that was never answered, and is cut off when the stream is opened again.
 */

/** Ends the last line of a call. */
export const CALL_END = Buffer.from(' \n');

/** A stream as it can be read: what was accepted, in order. */
export interface OutputDescription {
  /** Files of the rows, in order: one flat JSON object per line, with the columns the row has. */
  readonly files: readonly string[];
  /** Union of the columns of all rows, in order of first appearance. */
  readonly columns: readonly string[];
  readonly rows: number;
  readonly bytes: number;
  /** Bytes of the longest row's line. */
  readonly longestLine: number;
}

/** What opening a stream found on disk. */
export interface RecoveredOutput extends OutputDescription {
  /** Number of the last file and how many of its bytes count; number 1 and 0 bytes for a new stream. */
  readonly lastNumber: number;
  readonly lastBytes: number;
  readonly columnBytes: number;
}

/** Path of a numbered file of rows. */
export function segmentPath(stream: string, number: number): string {
  return `${stream}.${number}.ndjson`;
}

/** Path of the record of columns. */
export function columnsPath(stream: string): string {
  return `${stream}.columns.ndjson`;
}

/** Path of the record that the stream is closed. */
export function closedPath(stream: string): string {
  return `${stream}.closed.json`;
}

/** Finds out what a stream holds, leaving the files as they are; torn tails are not counted. */
export async function recoverOutput(stream: string): Promise<RecoveredOutput> {
  const numbers = await segmentNumbers(stream);
  const files: string[] = [];
  let [rows, bytes, lastNumber, lastBytes, longestLine] = [0, 0, 1, 0, 0];
  for (const number of numbers) {
    const path = segmentPath(stream, number);
    const { length, torn } = await acceptedLength(path);
    const lost = number % 2 === 0 && length === 0;
    if (!lost) [lastNumber, lastBytes] = [number, length];
    if (length > 0) {
      files.push(path);
      bytes += length;
      const lines = await measureLines(path, length);
      rows += lines.count;
      longestLine = Math.max(longestLine, lines.longest);
    }
    // Files are synced side by side: what follows a torn one did not have to be on disk either.
    if (lost || torn) break;
  }
  return { files, rows, bytes, longestLine, lastNumber, lastBytes, ...(await recoverColumns(stream, bytes)) };
}

/**
 * Removes what calls that were not accepted left behind.
 *
 * @param lastNumber number of the last file that counts
 */
export async function removeUnaccepted(stream: string, lastNumber: number): Promise<void> {
  for (const suffix of await suffixesOf(stream)) {
    const staged = /^staged\.\d+\.ndjson$/.test(suffix);
    const behind = Number(/^(\d+)\.ndjson$/.exec(suffix)?.[1] ?? 0) > lastNumber;
    if (staged || behind) await rm(`${stream}.${suffix}`, { force: true });
  }
}

async function segmentNumbers(stream: string): Promise<number[]> {
  const suffixes = await suffixesOf(stream);
  return suffixes
    .flatMap((suffix) => /^(\d+)\.ndjson$/.exec(suffix)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
}

/** What follows `<stream>.` in the names of its files. */
async function suffixesOf(stream: string): Promise<string[]> {
  const prefix = `${basename(stream)}.`;
  await mkdir(dirname(stream), { recursive: true });
  const names = await readdir(dirname(stream));
  return names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length));
}

/** Length up to the end of the last whole call, found from the end of the file, and whether more than that is there. */
async function acceptedLength(path: string): Promise<{ length: number; torn: boolean }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    let end = size;
    const block = Buffer.allocUnsafe(BLOCK_SIZE);
    while (end > 0) {
      const start = Math.max(0, end - BLOCK_SIZE);
      const { bytesRead } = await handle.read(block, 0, end - start, start);
      const found = block.subarray(0, bytesRead).lastIndexOf(CALL_END);
      if (found !== -1) {
        const length = start + found + CALL_END.length;
        return { length, torn: length < size };
      }
      if (start === 0) break;
      // The two bytes may lie on both sides of the border.
      end = start + CALL_END.length - 1;
    }
    return { length: 0, torn: size > 0 };
  } finally {
    await handle.close();
  }
}

async function measureLines(path: string, length: number): Promise<{ count: number; longest: number }> {
  let [count, longest, offset, lineStart] = [0, 0, 0, 0];
  for await (const block of readBlocks(path, 0, length)) {
    for (let at = block.indexOf(0x0a); at !== -1; at = block.indexOf(0x0a, at + 1)) {
      count++;
      longest = Math.max(longest, offset + at + 1 - lineStart);
      lineStart = offset + at + 1;
    }
    offset += block.length;
  }
  return { count, longest };
}

/** Columns of accepted calls; the record of a call is written before its rows and counts only with them. */
async function recoverColumns(
  stream: string,
  bytes: number,
): Promise<{ columns: string[]; columnBytes: number }> {
  const columns: string[] = [];
  let columnBytes = 0;
  try {
    for await (const line of readLines(columnsPath(stream))) {
      const record = JSON.parse(line.toString('utf8')) as { end: number; names: string[] };
      if (record.end > bytes) break;
      for (const name of record.names) columns.push(name);
      columnBytes += line.length + 1;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return { columns, columnBytes };
}
