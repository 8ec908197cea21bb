import { readFile, rename, writeFile } from 'node:fs/promises';
import { minify, readFields } from '@slipway/records';
import { permanentChanges, readCheckpoints, type StoredCheckpoint } from '../run/checkpoints.ts';
import type { RunFolder } from '../run-folder.ts';
import { RunConfigError } from './run-config.ts';

/*
 * Checkpoints between runs that have no server to keep them: one JSON object, key → `{"value","version","updated-at"}`.
 * A key that was deleted has no `value` and goes on counting its versions.
 */

/**
 * Reads a state file; values keep their exact text.
 *
 * @returns no checkpoints when there is no such file
 * @throws {RunConfigError} when it can not be read
 */
export async function readStateFile(path: string): Promise<StoredCheckpoint[]> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw new RunConfigError(`state-file can not be read: ${(error as Error).message}`);
  }
  const checkpoints: StoredCheckpoint[] = [];
  try {
    // The walk below takes texts over as they are, so the whole is checked first.
    JSON.parse(content);
    for (const [key, entry] of readFields(padded(content))) {
      const fields = readFields(padded(entry));
      const value = fields.get('value');
      checkpoints.push({
        key,
        text: value === undefined ? null : minify(value),
        version: Number(JSON.parse(fields.get('version') ?? '1')),
        updatedAt: String(JSON.parse(fields.get('updated-at') ?? '""')),
      });
    }
  } catch (error) {
    throw new RunConfigError(`state-file can not be read: ${(error as Error).message}`);
  }
  return checkpoints;
}

/**
 * Writes what a run leaves to a state file, whole or not at all.
 *
 * @param succeeded otherwise only those changes count that were permanent at once
 */
export async function writeStateFile(path: string, folder: RunFolder, succeeded: boolean): Promise<void> {
  const checkpoints = new Map<string, StoredCheckpoint>();
  for await (const checkpoint of readCheckpoints(folder)) checkpoints.set(checkpoint.key, checkpoint);
  for await (const change of permanentChanges(folder, succeeded, 1)) checkpoints.set(change.key, change);
  const entries = [...checkpoints.values()].map(({ key, text, version, updatedAt }) => {
    const value = text === null ? '' : `"value":${text},`;
    return `  ${JSON.stringify(key)}: {${value}"version":${version},"updated-at":${JSON.stringify(updatedAt)}}`;
  });
  const content = entries.length === 0 ? '{}\n' : `{\n${entries.join(',\n')}\n}\n`;
  await writeFile(`${path}.new`, content, { flush: true });
  await rename(`${path}.new`, path);
}

/** A scanner of JSON wants one more byte behind the text. */
const padded = (text: string): Buffer => Buffer.from(`${text} `);
