import { ftruncateSync, writeSync } from 'node:fs';

/**
 * Writes bytes at the end of a file, all of them or none: a disk that fills up takes a part and says so only by its size.
 *
 * @param length of the file
 * @throws when there is no space, or for an I/O error; the file is as long as before then
 */
export function writeWhole(file: number, bytes: Uint8Array, length: number): void {
  let written = 0;
  try {
    // The rest tells why it could not be written with the others.
    while (written < bytes.length) {
      written += writeSync(file, bytes, written, bytes.length - written, length + written);
    }
  } catch (error) {
    if (written > 0) ftruncateSync(file, length);
    throw error;
  }
}
