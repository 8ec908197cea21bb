import { Readable } from 'node:stream';
import { type Page, texts } from '@slipway/contract';
import { fullRow, type OutputDescription, readBlocks } from '@slipway/records';
import { badRequest } from '../errors.ts';
import type { ListResult } from '../http/list-result.ts';

/** Rows on disk: one flat object a line with the columns the row has, in several files that follow each other. */
export type RowFiles = Pick<OutputDescription, 'files' | 'columns' | 'rows'>;

/** Where a row begins. */
interface Position {
  file: number;
  offset: number;
}

/** Text that is gathered before it is sent. */
const chunkBytes = 64 * 1024;

/** One page; a row that has not all columns is filled up with empty texts. */
export async function rowsPage(rows: RowFiles, page: Page): Promise<ListResult> {
  const start = page.after === null ? { row: page.from, at: null } : decode(page.after, rows);
  const items: string[] = [];
  let next: Position | null = null;
  if (start.row < rows.rows) {
    for await (const { line, end } of lines(rows, start.at ?? start.row)) {
      items.push(fullRow(line, rows.columns));
      next = end;
      if (items.length === page.limit) break;
    }
  }
  const reached = start.row + items.length;
  return {
    items,
    total: rows.rows,
    from: start.row,
    after: next && reached < rows.rows ? encode(reached, next) : null,
  };
}

/** All rows (or those of the page, when one was asked for) as newline-delimited JSON, in memory that stays small. */
export const rowsStream = (rows: RowFiles, page: Page): Readable =>
  Readable.from(dump(rows, page), { objectMode: false, highWaterMark: 2 * chunkBytes });

async function* dump(rows: RowFiles, page: Page): AsyncGenerator<string> {
  const start = page.after === null ? { row: page.from, at: null } : decode(page.after, rows);
  let left = page.limited ? page.limit : Number.POSITIVE_INFINITY;
  if (start.row >= rows.rows) return;
  let chunk = '';
  for await (const { line } of lines(rows, start.at ?? start.row)) {
    chunk += `${fullRow(line, rows.columns)}\n`;
    if (chunk.length >= chunkBytes) {
      yield chunk;
      chunk = '';
    }
    if (--left === 0) break;
  }
  if (chunk !== '') yield chunk;
}

interface Line {
  /** Valid until the next one. */
  line: Buffer;
  /** Where the next row begins. */
  end: Position;
}

/** The lines from a row or a known place on. Rows before it are passed over by their line breaks, unread. */
async function* lines({ files }: RowFiles, start: number | Position): AsyncGenerator<Line> {
  let skip = typeof start === 'number' ? start : 0;
  const first = typeof start === 'number' ? { file: 0, offset: 0 } : start;
  for (let file = first.file; file < files.length; file++) {
    let at = file === first.file ? first.offset : 0;
    let rest: Buffer | null = null;
    for await (const block of readBlocks(files[file] as string, at)) {
      let from = 0;
      for (let end = block.indexOf(0x0a); end !== -1; end = block.indexOf(0x0a, from)) {
        const part = block.subarray(from, end);
        const line = rest ? Buffer.concat([rest, part]) : part;
        at += line.length + 1;
        rest = null;
        from = end + 1;
        if (skip > 0) skip--;
        else yield { line, end: { file, offset: at } };
      }
      if (from < block.length) {
        const tail = Buffer.from(block.subarray(from));
        rest = rest ? Buffer.concat([rest, tail]) : tail;
      }
    }
  }
}

const encode = (row: number, { file, offset }: Position): string =>
  Buffer.from(JSON.stringify([row, file, offset])).toString('base64url');

/** @throws 400 `{"after":"This value is not valid."}` */
function decode(after: string, rows: RowFiles): { row: number; at: Position } {
  try {
    const parts = JSON.parse(Buffer.from(after, 'base64url').toString()) as unknown[];
    const [row, file, offset] = parts as [number, number, number];
    const numbers =
      parts.length === 3 && parts.every((part) => Number.isSafeInteger(part) && Number(part) >= 0);
    if (numbers && row <= rows.rows && file < rows.files.length) return { row, at: { file, offset } };
  } catch {
    // Falls through: it was no cursor of ours.
  }
  throw badRequest({ after: texts.invalid });
}
