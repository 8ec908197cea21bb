import type { ServerResponse } from 'node:http';

/** Bytes of one answer that may wait for their connection (container-api.md 2.10). */
const MAX_WAITING = 1024 * 1024;

/** A part of an answer. */
export interface Block {
  readonly bytes: Buffer;
  /** Called when the connection has taken the bytes, or is gone: they may change then. */
  readonly taken?: () => void;
}

/**
 * Writes the parts of an answer, and its end. The next part is asked for as soon as there is room for one of the same size:
 * what the client reads meanwhile does not have to wait for it.
 *
 * @throws when a part can not be read; the answer has no end then
 */
export async function sendBlocks(response: ServerResponse, blocks: AsyncIterable<Block>): Promise<void> {
  let waiting = 0;
  let wake = (): void => {};
  response.once('close', () => wake());
  for await (const { bytes, taken } of blocks) {
    waiting += bytes.length;
    response.write(bytes, () => {
      waiting -= bytes.length;
      taken?.();
      wake();
    });
    while (waiting > 0 && waiting + bytes.length > MAX_WAITING && !response.destroyed) {
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    if (response.destroyed) return;
  }
  response.end();
}
