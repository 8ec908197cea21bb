import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { type Field, type Item, readStruct, type Struct, writeStruct } from './thrift-compact.ts';

const MAGIC = Buffer.from('PAR1');
/** Length of the footer and the magic word stand behind it. */
const TAIL = 8;

/* Numbers of the fields of a footer, as the format of Parquet names them. */
const FILE = { schema: 2, rows: 3, groups: 4 } as const;
const ELEMENT = { children: 5 } as const;
const GROUP = { columns: 1, bytes: 2, rows: 3, compressed: 6 } as const;
const CHUNK = { offset: 2, meta: 3, offsetIndex: 4, columnIndex: 6 } as const;
const META = { dataPage: 9, indexPage: 10, dictionaryPage: 11, bloomFilter: 14 } as const;

/**
 * Makes one Parquet file of files that hold some columns each of the same rows, in groups of the same size. The columns are
 * copied as they are; only their places are written anew. The first column of all files but the first is left out.
 *
 * @throws when the files do not have the same groups of rows
 */
export async function joinColumns(parts: readonly string[], path: string): Promise<void> {
  const target = await open(path, 'w', 0o600);
  try {
    await target.write(MAGIC);
    let end = MAGIC.length;
    let joined: Struct | null = null;
    for (const part of parts) {
      const { footer, length } = await readFooter(part);
      movePlaces(footer, end - MAGIC.length);
      end += await copy(part, length, target);
      if (joined === null) joined = footer;
      else append(joined, footer);
    }
    if (joined === null) throw new Error('There are no columns to be joined');
    const footer = writeStruct(joined);
    const tail = Buffer.alloc(4);
    tail.writeUInt32LE(footer.length);
    await target.writeFile(Buffer.concat([footer, tail, MAGIC]));
  } finally {
    await target.close();
  }
}

/** The footer of a file, and where the columns before it end. */
async function readFooter(path: string): Promise<{ footer: Struct; length: number }> {
  const handle = await open(path, 'r');
  try {
    const { size } = await handle.stat();
    const tail = await readAt(handle, size - TAIL, TAIL);
    const length = size - TAIL - tail.readUInt32LE(0);
    return { footer: readStruct(await readAt(handle, length, size - TAIL - length)), length };
  } finally {
    await handle.close();
  }
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, position);
  if (bytesRead < length) throw new Error('The file is shorter than its footer says');
  return bytes;
}

/** Copies the columns of a file; answers with how many bytes they are. */
async function copy(path: string, length: number, target: FileHandle): Promise<number> {
  if (length <= MAGIC.length) return 0;
  const source = createReadStream(path, { start: MAGIC.length, end: length - 1, highWaterMark: 1024 * 1024 });
  for await (const block of source) await target.write(block as Buffer);
  return length - MAGIC.length;
}

/** All places of a footer, moved by the same number of bytes. */
function movePlaces(footer: Struct, by: number): void {
  const move = (struct: Struct, id: number): void => {
    const field = struct.get(id);
    if (field?.type === 6 && field.value > 0) field.value += by;
  };
  for (const group of structsIn(footer, FILE.groups)) {
    for (const chunk of structsIn(group, GROUP.columns)) {
      for (const id of [CHUNK.offset, CHUNK.offsetIndex, CHUNK.columnIndex]) move(chunk, id);
      const meta = chunk.get(CHUNK.meta);
      if (meta?.type !== 12) throw new Error('A column has no description');
      for (const id of Object.values(META)) move(meta.value, id);
    }
  }
}

/** Adds the columns of a file to a footer. */
function append(joined: Struct, footer: Struct): void {
  const elements = listOf(footer, FILE.schema).slice(2);
  listOf(joined, FILE.schema).push(...elements);
  const [root] = structsIn(joined, FILE.schema);
  add(root!, ELEMENT.children, elements.length);
  const [groups, more] = [structsIn(joined, FILE.groups), structsIn(footer, FILE.groups)];
  const same = groups.length === more.length && numberOf(joined, FILE.rows) === numberOf(footer, FILE.rows);
  if (!same) throw new Error('The files do not have the same rows');
  for (const [index, group] of groups.entries()) {
    const other = more[index]!;
    if (numberOf(group, GROUP.rows) !== numberOf(other, GROUP.rows)) {
      throw new Error('The files do not have the same groups of rows');
    }
    listOf(group, GROUP.columns).push(...listOf(other, GROUP.columns).slice(1));
    for (const id of [GROUP.bytes, GROUP.compressed]) if (group.has(id)) add(group, id, numberOf(other, id));
  }
}

function listOf(struct: Struct, id: number): Item[] {
  const field = struct.get(id);
  if (field?.type !== 9) throw new Error(`The footer has no list ${id}`);
  return field.items;
}

const structsIn = (struct: Struct, id: number): Struct[] =>
  listOf(struct, id).map((item) => (item as Extract<Field, { type: 12 }>).value);

function numberOf(struct: Struct, id: number): number {
  const field = struct.get(id);
  if (field?.type !== 5 && field?.type !== 6) throw new Error(`The footer has no number ${id}`);
  return field.value;
}

function add(struct: Struct, id: number, more: number): void {
  const field = struct.get(id);
  if (field?.type !== 5 && field?.type !== 6) throw new Error(`The footer has no number ${id}`);
  field.value += more;
}
