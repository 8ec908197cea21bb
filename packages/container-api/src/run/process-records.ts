import { readLines } from '@slipway/records';

/** Where a storage process copies to. */
export type StoreName = 'transport' | 'internal' | 'bucket';

/** What a storage process does. Paths are cleaned, without a slash at either end. */
export interface StorageTask {
  readonly store: StoreName;
  /** In the exchange folder; empty: the whole folder. */
  readonly source: string;
  readonly remote: string;
}

/** A line of `processes.ndjson`: the begin or the end of a process. */
export type ProcessRecord = ({ readonly id: string; readonly startedAt: string } & StorageTask) | ProcessEnd;

/** How a process ended. */
export interface ProcessEnd {
  readonly id: string;
  readonly exitCode: number;
  readonly cause: string | null;
}

/** Processes whose ends are looked for in one pass over the record. */
const AT_ONCE = 10_000;

/** Finds how a process ended; null when it has not, or was never there. */
export async function findRecorded(path: string, id: string): Promise<ProcessEnd | null> {
  for await (const record of records(path)) {
    if (record.id === id && !('startedAt' in record)) return record;
  }
  return null;
}

/** All processes of a record, oldest first, with their ends; memory stays flat for any number of them. */
export async function* eachRecorded(path: string): AsyncGenerator<{ id: string; end: ProcessEnd | null }> {
  let block: string[] = [];
  for await (const record of records(path)) {
    if (!('startedAt' in record)) continue;
    block.push(record.id);
    if (block.length < AT_ONCE) continue;
    yield* withEnds(path, block);
    block = [];
  }
  yield* withEnds(path, block);
}

async function* withEnds(path: string, ids: readonly string[]) {
  const ends = new Map<string, ProcessEnd | null>(ids.map((id) => [id, null]));
  if (ids.length === 0) return;
  for await (const record of records(path)) {
    if (!('startedAt' in record) && ends.has(record.id)) ends.set(record.id, record);
  }
  for (const [id, end] of ends) yield { id, end };
}

async function* records(path: string): AsyncGenerator<ProcessRecord> {
  for await (const line of readLines(path)) yield JSON.parse(line.toString('utf8')) as ProcessRecord;
}
