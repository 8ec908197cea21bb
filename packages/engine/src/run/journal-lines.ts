import { readLog } from '@slipway/container-api';

/** How many lines of a connector's output a log journal holds already. */
export async function countLines(journal: string): Promise<{ stdout: number; stderr: number }> {
  const counts = { stdout: 0, stderr: 0 };
  for (let offset = 0; ; ) {
    const part = await readLog(journal, offset);
    if (part.entries.length === 0) return counts;
    for (const { source } of part.entries)
      if (source === 'stdout' || source === 'stderr') counts[source] += 1;
    offset = part.offset;
  }
}
