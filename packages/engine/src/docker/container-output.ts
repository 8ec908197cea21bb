import type { Container } from 'dockerode';
import { dockerMessage, statusOf } from './client.ts';

/** A piece of output as the daemon noted it: at most one line, its break included. */
export interface OutputPart {
  readonly stream: 'stdout' | 'stderr';
  readonly bytes: Buffer;
}

const HEADER_BYTES = 8;
const PIECE_BYTES = 16 * 1024;
const LINE_BREAK = Buffer.from('\n');
const STREAMS = { 1: 'stdout', 2: 'stderr' } as const;
/** Times of the two streams may be noted a little out of order; reading again begins so much earlier, in seconds. */
const OVERLAP_SECONDS = 5;
/** Between two tries to reach a daemon that went away, in milliseconds. */
const RETRY_MS = 500;

/** A part with the time at which the daemon noted it, in nanoseconds. */
interface TimedPart extends OutputPart {
  readonly time: bigint;
}

/** How far a stream has been read: the time of its last part, and how many parts had that same time. */
interface Position {
  time: bigint;
  parts: number;
}

/**
 * Reads what a container has printed, from its first byte to its last, and follows it while it runs. The daemon keeps
 * the output until the container is removed: when the connection breaks, the reading goes on where it was.
 *
 * @param onPart may answer with a promise; the daemon then waits
 * @param signal ends the reading early
 * @param daemonAwayMs how long the daemon may be away
 * @throws {DaemonLostError} when it does not come back
 */
export async function followOutput(
  container: Container,
  onPart: (part: OutputPart) => void | Promise<void>,
  signal: AbortSignal,
  daemonAwayMs: number,
): Promise<void> {
  let awaySince: number | null = null;
  const positions = { stdout: { time: 0n, parts: 0 }, stderr: { time: 0n, parts: 0 } };
  while (!signal.aborted) {
    try {
      // Whoever is told of the end can be a moment earlier than the last line: what was printed is read once more.
      const { Running } = (await container.inspect()).State;
      awaySince = null;
      await readOn(container, positions, onPart, signal);
      if (!Running) return;
    } catch (error) {
      if (signal.aborted) return;
      const status = statusOf(error);
      // The container is gone, or going, and what it had printed went with it.
      if (status === 404 || status === 409) return;
      if (status !== null || error instanceof SinkError) throw error;
      // Without an answer the daemon is away, and may come back.
      awaySince ??= Date.now();
      if (Date.now() - awaySince >= daemonAwayMs) throw new DaemonLostError(dockerMessage(error));
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** The daemon went away, and the end of what a container printed with it. */
export class DaemonLostError extends Error {}

/** The receiver of the parts failed, not the daemon. */
class SinkError extends Error {}

async function readOn(
  container: Container,
  positions: Record<'stdout' | 'stderr', Position>,
  onPart: (part: OutputPart) => void | Promise<void>,
  signal: AbortSignal,
): Promise<void> {
  const latest = positions.stdout.time > positions.stderr.time ? positions.stdout : positions.stderr;
  const stream = (await container.logs({
    follow: true,
    stdout: true,
    stderr: true,
    timestamps: true,
    since: Math.max(0, Number(latest.time / 1_000_000_000n) - OVERLAP_SECONDS),
    abortSignal: signal,
  })) as NodeJS.ReadableStream & { destroy(): void };
  // Parts of this reading by stream and time, to tell those that were read before from those that are new.
  const seen = { stdout: { time: 0n, parts: 0 }, stderr: { time: 0n, parts: 0 } };
  try {
    for await (const part of timedParts(stream as unknown as AsyncIterable<Buffer>)) {
      const here = seen[part.stream];
      if (part.time !== here.time) Object.assign(here, { time: part.time, parts: 0 });
      here.parts += 1;
      const done = positions[part.stream];
      if (part.time < done.time || (part.time === done.time && here.parts <= done.parts)) continue;
      try {
        await onPart(part);
      } catch (error) {
        throw new SinkError('the log refuses lines', { cause: error });
      }
      Object.assign(done, here);
    }
  } finally {
    stream.destroy();
  }
}

/** Takes apart the daemon's stream: eight bytes of header, then so many bytes, which begin with the time. */
async function* timedParts(chunks: AsyncIterable<Buffer>): AsyncGenerator<TimedPart> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of chunks) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let at = 0;
    while (rest.length - at >= HEADER_BYTES) {
      const end = at + HEADER_BYTES + rest.readUInt32BE(at + 4);
      if (rest.length < end) break;
      const stream = STREAMS[rest[at] as 1 | 2] ?? 'stdout';
      const text = rest.subarray(at + HEADER_BYTES, end);
      const blank = text.indexOf(0x20);
      const bytes = text.subarray(blank + 1);
      yield {
        stream,
        time: nanoseconds(text.toString('latin1', 0, blank)),
        bytes: endsLongLine(bytes) ? Buffer.concat([bytes, LINE_BREAK]) : bytes,
      };
      at = end;
    }
    rest = rest.subarray(at);
  }
}

/**
 * The daemon cuts long lines into pieces of one size and a last, shorter one, and some versions drop the line break behind
 * that. Every other part brings its break along.
 */
const endsLongLine = (bytes: Buffer): boolean => bytes.length < PIECE_BYTES && bytes.at(-1) !== LINE_BREAK[0];

/** `2026-01-31T12:00:00.123456789Z` as nanoseconds since 1970. */
function nanoseconds(time: string): bigint {
  const [seconds = '', fraction = ''] = time.replace('Z', '').split('.');
  return BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9) || 0);
}
