import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** One process of the machine at one moment. */
export interface ProcessInfo {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  /** Tells a process from a later one with the same id; unit and origin differ between systems. */
  readonly startTime: string;
  /** Resident memory in bytes. */
  readonly residentBytes: number;
  /** Processor time of the process and of its children that have ended, in milliseconds. */
  readonly cpuMs: number;
  readonly zombie: boolean;
}

const PAGE_BYTES = 4096;
/** USER_HZ, which is 100 on every Linux that Node runs on. */
const TICK_MS = 10;
/** Runs that look at the same time share one look. */
const CACHE_MS = 50;

let cached: { at: number; table: Promise<ReadonlyMap<number, ProcessInfo>> } | null = null;

/** All processes of the machine by id, at most 50 ms old. */
export function processTable(): Promise<ReadonlyMap<number, ProcessInfo>> {
  const now = performance.now();
  if (!cached || now - cached.at > CACHE_MS) cached = { at: now, table: readTable() };
  return cached.table;
}

/** As {@link processTable}, but never from the cache: for decisions about what is still alive. */
export function freshProcessTable(): Promise<ReadonlyMap<number, ProcessInfo>> {
  cached = null;
  return processTable();
}

async function readTable(): Promise<ReadonlyMap<number, ProcessInfo>> {
  if (process.platform !== 'linux') return readWithPs();
  const table = new Map<number, ProcessInfo>();
  for (const name of readdirSync('/proc')) {
    const pid = Number(name);
    if (!Number.isInteger(pid)) continue;
    const info = readProcess(pid);
    if (info) table.set(pid, info);
  }
  return table;
}

/**
 * One process of a Linux machine, or null when there is none with this id.
 *
 * Fields as in proc_pid_stat(5). The program's name in the second field may hold blanks and brackets, so everything
 * is counted from the last closing bracket.
 */
export function readProcess(pid: number): ProcessInfo | null {
  let text: string;
  try {
    // Synchronous on purpose: these are reads from memory, and an asynchronous one costs far more.
    text = readFileSync(`/proc/${pid}/stat`, 'latin1');
  } catch {
    return null;
  }
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const number = (index: number) => Number(fields[index]);
  return {
    pid,
    zombie: fields[0] === 'Z' || fields[0] === 'X',
    parent: number(1),
    group: number(2),
    cpuMs: (number(11) + number(12) + number(13) + number(14)) * TICK_MS,
    startTime: fields[19] ?? '',
    residentBytes: number(21) * PAGE_BYTES,
  };
}

/** Systems without /proc. */
async function readWithPs(): Promise<ReadonlyMap<number, ProcessInfo>> {
  const { stdout } = await promisify(execFile)('ps', ['-axo', 'pid=,ppid=,pgid=,rss=,stat=,time=,lstart='], {
    maxBuffer: 16 * 1024 * 1024,
  });
  const table = new Map<number, ProcessInfo>();
  for (const line of stdout.split('\n')) {
    const match = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(.+)$/.exec(line);
    if (!match) continue;
    table.set(Number(match[1]), {
      pid: Number(match[1]),
      parent: Number(match[2]),
      group: Number(match[3]),
      residentBytes: Number(match[4]) * 1024,
      zombie: match[5]!.startsWith('Z'),
      cpuMs: cpuTime(match[6]!),
      startTime: match[7]!.trim(),
    });
  }
  return table;
}

/** Reads `[hours:]minutes:seconds[.hundredths]`. */
function cpuTime(text: string): number {
  return Math.round(text.split(':').reduce((sum, part) => sum * 60 + Number(part), 0) * 1000);
}

/** Proportional memory of a process: shared pages count only in part. Null where the system does not tell. */
export function proportionalBytes(pid: number): number | null {
  try {
    const match = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'latin1'));
    return match ? Number(match[1]) * 1024 : null;
  } catch {
    return null;
  }
}

/** Value of one variable in a process's environment at its start, or null. Only Linux tells. */
export function environmentOf(pid: number, name: string): string | null {
  try {
    const prefix = `${name}=`;
    const entry = readFileSync(`/proc/${pid}/environ`, 'utf8')
      .split('\0')
      .find((text) => text.startsWith(prefix));
    return entry?.slice(prefix.length) ?? null;
  } catch {
    return null;
  }
}
