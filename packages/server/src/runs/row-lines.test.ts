import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type RowFiles, rowsPage, rowsStream } from './row-lines.ts';

let folder: string;
let count = 0;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'slipway-rows-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

type Row = Record<string, string>;

/** Rows in several files, some lines with the blank that ends a call. */
async function store(parts: readonly (readonly Row[])[]): Promise<RowFiles> {
  const files: string[] = [];
  for (const part of parts) {
    const path = join(folder, `${++count}.ndjson`);
    await writeFile(
      path,
      part.map((row, index) => `${JSON.stringify(row)}${index % 2 ? ' ' : ''}\n`).join(''),
    );
    files.push(path);
  }
  const all = parts.flat();
  return { files, columns: [...new Set(all.flatMap((row) => Object.keys(row)))], rows: all.length };
}

const filled = (rows: RowFiles, all: readonly Row[]): string[] =>
  all.map(
    (row) =>
      `{${rows.columns.map((column) => `${JSON.stringify(column)}:${JSON.stringify(row[column] ?? '')}`).join(',')}}`,
  );

const row = fc.dictionary(fc.constantFrom('id', '10', 'a "b"', 'ä'), fc.string(), { maxKeys: 3 });

test('pages one after another give every row once, as the stream does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(row, { maxLength: 8 }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 5 }),
      fc.nat(10),
      async (parts, limit, from) => {
        const rows = await store(parts);
        const expected = filled(rows, parts.flat());
        const items: string[] = [];
        let after: string | null = null;
        do {
          const page = await rowsPage(rows, { from: 0, limit, after, limited: false });
          expect([page.total, page.from]).toEqual([expected.length, items.length]);
          items.push(...page.items);
          after = page.after;
        } while (after !== null);
        expect(items).toEqual(expected);
        const jumped = await rowsPage(rows, { from, limit, after: null, limited: false });
        expect(jumped.items).toEqual(expected.slice(from, from + limit));
        expect(await text(rowsStream(rows, { from, limit: 100, after: null, limited: false }))).toBe(
          expected
            .slice(from)
            .map((line) => `${line}\n`)
            .join(''),
        );
        expect(await text(rowsStream(rows, { from, limit, after: null, limited: true }))).toBe(
          expected
            .slice(from, from + limit)
            .map((line) => `${line}\n`)
            .join(''),
        );
      },
    ),
    { numRuns: 50 },
  );
});

test('what is no cursor is refused', async () => {
  const rows = await store([[{ id: '1' }]]);
  for (const after of [
    'x',
    Buffer.from('[9,0,0]').toString('base64url'),
    Buffer.from('[0,7,0]').toString('base64url'),
  ]) {
    await expect(rowsPage(rows, { from: 0, limit: 1, after, limited: false })).rejects.toMatchObject({
      body: { errors: { after: 'This value is not valid.' } },
    });
  }
});
