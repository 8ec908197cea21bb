import { randomBytes, randomUUID } from 'node:crypto';
import { chown, readFile, rename, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What the home folder remembers of its PostgreSQL. Holds the password, hence a file that only its owner reads. */
export interface Record {
  /** Kept from start to start as long as it is free, so that an address noted elsewhere stays good. */
  port: number | null;
  password: string;
  /** Folder of the cluster when it could not lie in the home folder; null = inside. */
  outside: string | null;
  /** False until the cluster stands complete: only then its absence is a loss. */
  complete: boolean;
}

/** A home that has no database yet. */
export const newRecord = (): Record => ({
  port: null,
  password: randomBytes(24).toString('base64url'),
  outside: null,
  complete: false,
});

/** @returns null when there is none yet */
export async function readRecord(file: string): Promise<Record | null> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
  try {
    return JSON.parse(text) as Record;
  } catch (error) {
    throw new Error(
      `${file} is damaged: the address and password of the embedded database cannot be read from it.`,
      {
        cause: error,
      },
    );
  }
}

export const writeRecord = (file: string, record: Record): Promise<void> =>
  writePrivately(file, `${JSON.stringify(record, null, 2)}\n`);

/**
 * Replaces a file at once, readable by its owner alone. When root works in an ordinary user's home, the file belongs to
 * that user, who may well start the server next time.
 */
async function writePrivately(file: string, text: string): Promise<void> {
  const draft = `${file}.${randomUUID()}`;
  await writeFile(draft, text, { mode: 0o600 });
  if (process.getuid?.() === 0) {
    const folder = await stat(dirname(file));
    await chown(draft, folder.uid, folder.gid);
  }
  await rename(draft, file);
}
