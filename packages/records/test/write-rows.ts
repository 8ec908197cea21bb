import { type OutputStream, WriteRequestReader } from '../src/index.ts';

/** Appends rows to a stream as one call; given as JSON text where the order of keys matters. */
export async function writeRows(stream: OutputStream, rows: readonly unknown[] | string): Promise<void> {
  const list = typeof rows === 'string' ? rows : JSON.stringify(rows);
  const body = Buffer.from(`{"data":${list}}\0`);
  const reader = new WriteRequestReader(body, { columns: stream.columns, separator: '-' });
  reader.step(Number.POSITIVE_INFINITY);
  const { lines, rows: count, newColumns } = reader.call.flattener;
  await stream.append({ lines, rows: count, newColumns });
}
