import { createWriteStream } from 'node:fs';
import { copyFile, mkdir, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { describeOutput, readFullRows } from '@slipway/records';
import type { RunFolder } from '../run-folder.ts';

/** Text that is gathered before it is written. */
const CHUNK = 64 * 1024;

/** Where the results of a run are to be written; absolute paths. */
export interface OutputPlaces {
  /** Rows of the stream `output`: one flat JSON object a line, with every column in order. */
  readonly output?: string | undefined;
  /** Rows of the stream `feedback`, likewise. */
  readonly feedback?: string | undefined;
  /** Log entries, one JSON object a line (`LogEntry`). */
  readonly log?: string | undefined;
}

/** Writes what a run left to files; each of them appears whole. The streams must be closed. */
export async function writeOutputs(folder: RunFolder, places: OutputPlaces): Promise<void> {
  for (const name of ['output', 'feedback'] as const) {
    const path = places[name];
    if (path === undefined) continue;
    const rows = readFullRows(await describeOutput(folder.output(name)));
    await writeWhole(path, (to) => pipeline(Readable.from(chunked(rows)), createWriteStream(to)));
  }
  if (places.log !== undefined) await writeWhole(places.log, (to) => copyFile(folder.log, to));
}

async function writeWhole(path: string, write: (path: string) => Promise<void>): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await write(`${path}.new`);
  await rename(`${path}.new`, path);
}

async function* chunked(rows: AsyncIterable<string>): AsyncGenerator<string> {
  let chunk = '';
  for await (const row of rows) {
    chunk += `${row}\n`;
    if (chunk.length < CHUNK) continue;
    yield chunk;
    chunk = '';
  }
  if (chunk !== '') yield chunk;
}
