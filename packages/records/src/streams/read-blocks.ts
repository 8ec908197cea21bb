import { open } from 'node:fs/promises';

/** Size of one read of a file. */
export const BLOCK_SIZE = 1024 * 1024;

/**
 * Reads a part of a file block by block; the block is used again for the next one.
 *
 * @param from first byte
 * @param to byte behind the last one; the end of the file when left out
 */
export async function* readBlocks(
  path: string,
  from = 0,
  to = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  const handle = await open(path, 'r');
  try {
    const block = Buffer.allocUnsafeSlow(BLOCK_SIZE);
    let at = from;
    while (at < to) {
      const { bytesRead } = await handle.read(block, 0, Math.min(BLOCK_SIZE, to - at), at);
      if (bytesRead === 0) return;
      yield block.subarray(0, bytesRead);
      at += bytesRead;
    }
  } finally {
    await handle.close();
  }
}

/**
 * Reads a file line by line, without the line breaks.
 *
 * @param options `lastLine`: what follows the last line break is a line too; otherwise it counts as torn
 */
export async function* readLines(
  path: string,
  options: { readonly lastLine?: boolean } = {},
): AsyncGenerator<Buffer> {
  let rest: Buffer | null = null;
  for await (const block of readBlocks(path)) {
    let start = 0;
    for (let end = block.indexOf(0x0a); end !== -1; end = block.indexOf(0x0a, start)) {
      const line: Buffer = block.subarray(start, end);
      yield rest ? Buffer.concat([rest, line]) : line;
      rest = null;
      start = end + 1;
    }
    if (start < block.length) {
      const tail: Buffer = Buffer.from(block.subarray(start));
      rest = rest ? Buffer.concat([rest, tail]) : tail;
    }
  }
  if (rest && options.lastLine) yield rest;
}
