import { readFileSync } from 'node:fs';

/** What a piece of work took. */
export interface Watched {
  /** The most resident memory that its process had, in MiB. */
  peak: number;
  seconds: number;
}

/** Does a piece of work, and watches the memory of the process that does it. */
export async function watched(pid: number, work: () => Promise<unknown>): Promise<Watched> {
  let peak = 0;
  const looking = setInterval(() => {
    peak = Math.max(peak, residentMib(pid));
  }, 100);
  const start = performance.now();
  try {
    await work();
    return { peak, seconds: (performance.now() - start) / 1000 };
  } finally {
    clearInterval(looking);
  }
}

/** Resident memory of a process. */
export function residentMib(pid: number): number {
  const [, kib] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kib ?? 0) / 1024;
}
