import { cp, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BlockKeeper, InputStream, writeInputStream } from '../src/index.ts';
import { temporaryFolder } from './temporary-folder.ts';

async function* numbered(count: number, width = 1) {
  for (let row = 0; row < count; row++)
    yield [String(row), 'h'.repeat(width), row % 2 ? null : 'x'.repeat(width)];
}

async function makeStream(count: number, width = 1) {
  const folder = await temporaryFolder();
  const path = join(folder, 'input');
  await writeInputStream(path, ['id', '__rank', '10'], numbered(count, width));
  const open = () => InputStream.open(path, join(folder, 'cursors'), new BlockKeeper());
  return { folder, path, open };
}

async function ids(served: { text(): Promise<Buffer> } | null): Promise<number[]> {
  const text = (await served?.text())?.toString('utf8') ?? '';
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => Number((JSON.parse(line) as { id: string }).id));
}

test('serves rows as they stand, hidden columns on demand, in the order of the columns', async () => {
  const { open } = await makeStream(3);
  const stream = await open();
  expect(String(await (await stream.next(1, false))?.text())).toBe('{"id":"0","10":"x"}\n');
  expect(String(await (await stream.next(1, true))?.text())).toBe('{"id":"1","__rank":"h","10":""}\n');
  expect(await ids(await stream.next(5, false))).toEqual([2]);
  expect(await stream.next(1, false)).toBeNull();
  expect(stream.count).toBe(3);
  await stream.restart();
  expect(await ids(await stream.next(2, true))).toEqual([0, 1]);
  await stream.close();
});

test('parallel readers share the rows: each goes to one of them', async () => {
  const { open } = await makeStream(5000, 300);
  const stream = await open();
  const seen: number[] = [];
  const reader = async (size: number, hidden: boolean) => {
    for (let served = await stream.next(size, hidden); served; served = await stream.next(size, hidden)) {
      seen.push(...(await ids(served)));
    }
  };
  const blocks = async () => {
    for (
      let served = await stream.nextBytes(20_000, false);
      served;
      served = await stream.nextBytes(20_000, false)
    ) {
      seen.push(...(await ids(served)));
    }
  };
  await Promise.all([reader(1, false), reader(7, true), reader(999, false), blocks()]);
  expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: 5000 }, (_, row) => row));
  await stream.close();
});

test.each([0, 1, 255, 256, 2999])('blocks of rows from row %i on hold all rows in order', async (start) => {
  const { open } = await makeStream(3000, 40);
  const stream = await open();
  const seen = await ids(start === 0 ? null : await stream.next(start, false));
  const sizes: number[] = [];
  for (let served = await stream.nextBytes(60_000, false); served; ) {
    sizes.push(served.length);
    const found = await ids(served);
    expect(found).toHaveLength(served.rows);
    seen.push(...found);
    served = await stream.nextBytes(60_000, false);
  }
  expect(seen).toEqual(Array.from({ length: 3000 }, (_, row) => row));
  expect(Math.max(...sizes)).toBeLessThanOrEqual(60_000);
  await stream.close();
});

test('after a crash rows are served twice rather than skipped', async () => {
  const { folder, open } = await makeStream(2000, 20);
  const stream = await open();
  const first = await stream.next(300, false);
  const second = await stream.next(300, false);
  const third = await stream.next(300, false);
  second!.acknowledge();
  first!.acknowledge();
  await expect.poll(async () => (await reopened(folder)).start).toBe(600);
  third!.acknowledge();
  await expect.poll(async () => (await reopened(folder)).start).toBe(900);
  await stream.close();
});

/** What another process would find if this one were killed now. */
async function reopened(folder: string): Promise<{ start: number | undefined }> {
  const copy = await temporaryFolder();
  await cp(folder, copy, { recursive: true });
  const stream = await InputStream.open(join(copy, 'input'), join(copy, 'cursors'), new BlockKeeper());
  const [start] = await ids(await stream.next(1, false));
  await stream.close();
  return { start };
}

test('rows larger than a block come whole, in blocks that stay small', async () => {
  const { open } = await makeStream(5, 1_500_000);
  const stream = await open();
  const served = (await stream.next(4, true))!;
  const sizes: number[] = [];
  let text = '';
  for await (const block of served.blocks(1024 * 1024)) {
    sizes.push(block.length);
    text += block.toString('utf8');
  }
  expect(Math.max(...sizes)).toBeLessThanOrEqual(1024 * 1024);
  expect(
    text
      .split('\n')
      .slice(0, -1)
      .map((line) => (JSON.parse(line) as { id: string }).id),
  ).toEqual(['0', '1', '2', '3']);
  expect(await ids(await stream.nextBytes(1024 * 1024, false))).toEqual([4]);
  await stream.close();
});

test('a file that is shorter than it should be is an error that moves nothing', async () => {
  const { path, open } = await makeStream(1000, 50);
  await truncate(`${path}.ndjson`, 3000);
  const stream = await open();
  await expect(stream.next(999, false)).rejects.toThrow();
  expect(await ids(await stream.next(1, false))).toEqual([0]);
  await stream.close();
});

test('an empty stream ends at once', async () => {
  const { open } = await makeStream(0);
  const stream = await open();
  expect([await stream.next(1, false), await stream.nextBytes(10, true), stream.count]).toEqual([
    null,
    null,
    0,
  ]);
  await stream.close();
});

test('more streams than blocks in memory', async () => {
  const folder = await temporaryFolder();
  const keeper = new BlockKeeper();
  const streams: InputStream[] = [];
  for (let index = 0; index < 20; index++) {
    await writeInputStream(join(folder, `s${index}`), ['id'], numbered(600));
    streams.push(await InputStream.open(join(folder, `s${index}`), join(folder, 'cursors'), keeper));
  }
  for (let round = 0; round < 3; round++) {
    for (const stream of streams) {
      expect(await ids(await stream.next(200, false))).toEqual(
        Array.from({ length: 200 }, (_, row) => round * 200 + row),
      );
    }
  }
  for (const stream of streams) await stream.close();
});
