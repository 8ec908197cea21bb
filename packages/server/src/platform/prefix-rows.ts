import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { type OutputDescription, readLines } from '@slipway/records';

/**
 * Writes rows again with a prefix before every column but the key (product.md 4.3).
 *
 * @param path file to be written, one row a line
 */
export async function prefixRows(
  rows: OutputDescription,
  path: string,
  { prefix, key }: { prefix: string; key: string | null },
): Promise<OutputDescription> {
  const rename = (column: string): string => (column === key ? column : prefix + column);
  let bytes = 0;
  let longestLine = 0;
  async function* lines(): AsyncGenerator<string> {
    for (const file of rows.files) {
      for await (const line of readLines(file)) {
        const text = `${prefixed(line, rename)}\n`;
        const length = Buffer.byteLength(text);
        bytes += length;
        longestLine = Math.max(longestLine, length);
        yield text;
      }
    }
  }
  await pipeline(Readable.from(lines(), { objectMode: false }), createWriteStream(path, { mode: 0o600 }));
  return { files: [path], columns: rows.columns.map(rename), rows: rows.rows, bytes, longestLine };
}

/** Built as text: keys such as "10" keep their place. */
function prefixed(line: Buffer, rename: (column: string) => string): string {
  const row = JSON.parse(line.toString('utf8')) as Record<string, string>;
  return `{${Object.entries(row)
    .map(([column, value]) => `${JSON.stringify(rename(column))}:${JSON.stringify(value)}`)
    .join(',')}}`;
}
