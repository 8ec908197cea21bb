import type { IncomingMessage } from 'node:http';
import { ANSWERS, Refusal } from './answers.ts';
import type { BodyGate, BodyTicket } from './body-gate.ts';
import { buffers } from './buffer-pool.ts';

/** The client went away before its body was complete. */
export class AbortedError extends Error {
  override readonly name = 'AbortedError';
}

/** A body in memory, and the place it takes there. */
export interface Body {
  /** The body with one more byte behind it, as readers of records want it. */
  readonly bytes: Buffer;
  /** To be called when the bytes are no longer needed. */
  release(): void;
}

/**
 * Checks the headers that describe the body.
 *
 * @returns its length, null when it is not told
 * @throws {Refusal} 415, 413
 */
export function checkBodyHeaders(request: IncomingMessage, limit: number): number | null {
  const encoding = request.headers['content-encoding'];
  const header = request.headers['content-length'];
  const length = header === undefined ? null : Number(header);
  if (length !== null && length > limit) throw new Refusal(ANSWERS.tooLarge);
  if (encoding !== undefined && !/^(?:\s*identity\s*,?)*$/i.test(encoding))
    throw new Refusal(ANSWERS.encoding);
  return request.headers['transfer-encoding'] === undefined ? (length ?? 0) : null;
}

/**
 * Reads a body into memory when there is room for it.
 *
 * @throws {Refusal} 415, 413
 * @throws {AbortedError}
 */
export async function readBody(request: IncomingMessage, limit: number, gate: BodyGate): Promise<Body> {
  const length = checkBodyHeaders(request, limit);
  const ticket = gate.ticket(length);
  const entered = ticket.enter();
  if (entered) await entered;
  try {
    if (length === null) {
      const bytes = await collect(request, limit, ticket);
      return { bytes, release: () => ticket.leave() };
    }
    const buffer = buffers.take(length + 1);
    await fill(request, buffer, length);
    const release = (): void => {
      buffers.giveBack(buffer);
      ticket.leave();
    };
    return { bytes: buffer.subarray(0, length + 1), release };
  } catch (error) {
    ticket.leave();
    throw error;
  }
}

/** Reads a body of known length straight into its place. */
function fill(request: IncomingMessage, bytes: Buffer, length: number): Promise<void> | undefined {
  if (length === 0) return undefined;
  let at = 0;
  return new Promise((resolve, reject) => {
    const broken = (): void => reject(new AbortedError('The request was broken off'));
    request.on('data', (chunk: Buffer) => {
      bytes.set(chunk, at);
      at += chunk.length;
    });
    request.once('end', () => {
      request.off('close', broken);
      resolve();
    });
    request.once('close', broken);
  });
}

async function collect(request: IncomingMessage, limit: number, ticket: BodyTicket): Promise<Buffer> {
  let bytes = Buffer.allocUnsafe(16 * 1024);
  let at = 0;
  for await (const chunk of chunks(request)) {
    if (at + chunk.length > limit) throw new Refusal(ANSWERS.tooLarge);
    if (at + chunk.length >= bytes.length) {
      const size = Math.min(Math.max(bytes.length * 2, at + chunk.length + 1), limit + 1);
      await ticket.grow(size);
      const larger = Buffer.allocUnsafeSlow(size);
      larger.set(bytes.subarray(0, at));
      bytes = larger;
    }
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes.subarray(0, at + 1);
}

/**
 * The parts of a body as they arrive.
 *
 * @throws {AbortedError}
 */
export async function* chunks(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    // Leaving early must not close the connection, over which the answer still has to go.
    for await (const chunk of request.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
  } catch (error) {
    throw new AbortedError('The request was broken off', { cause: error });
  }
}
