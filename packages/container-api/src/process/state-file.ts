import { readFile, rename, writeFile } from 'node:fs/promises';
import { minify, readFields } from '@slipway/records';
import type { Checkpoint } from '../run/checkpoints.ts';
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
export async function readStateFile(path: string): Promise<Record<string, Checkpoint>> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw new RunConfigError(`state-file can not be read: ${(error as Error).message}`);
  }
  const checkpoints: Record<string, Checkpoint> = Object.create(null);
  try {
    // The walk below takes texts over as they are, so the whole is checked first.
    JSON.parse(content);
    for (const [key, entry] of readFields(padded(content))) {
      const fields = readFields(padded(entry));
      const value = fields.get('value');
      checkpoints[key] = {
        text: value === undefined ? null : minify(value),
        version: Number(JSON.parse(fields.get('version') ?? '1')),
        updatedAt: String(JSON.parse(fields.get('updated-at') ?? '""')),
      };
    }
  } catch (error) {
    throw new RunConfigError(`state-file can not be read: ${(error as Error).message}`);
  }
  return checkpoints;
}

/** Writes a state file, whole or not at all. */
export async function writeStateFile(
  path: string,
  checkpoints: Readonly<Record<string, Checkpoint>>,
): Promise<void> {
  const entries = Object.entries(checkpoints).map(([key, { text, version, updatedAt }]) => {
    const value = text === null ? '' : `"value":${text},`;
    return `  ${JSON.stringify(key)}: {${value}"version":${version},"updated-at":${JSON.stringify(updatedAt)}}`;
  });
  await writeFile(`${path}.new`, entries.length === 0 ? '{}\n' : `{\n${entries.join(',\n')}\n}\n`, {
    flush: true,
  });
  await rename(`${path}.new`, path);
}

/** A scanner of JSON wants one more byte behind the text. */
const padded = (text: string): Buffer => Buffer.from(`${text} `);
