import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LineSplitter, MAX_LINE_BYTES } from './line-splitter.ts';

function linesOf(...chunks: (string | Buffer)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(Buffer.from(chunk));
  splitter.end();
  return lines;
}

test('lines end at line breaks, and the last one counts without a break', () => {
  expect(linesOf('a\nb\r\n\nlast')).toEqual(['a', 'b', '', 'last']);
  expect(linesOf('a\n')).toEqual(['a']);
  expect(linesOf()).toEqual([]);
});

test('a character that arrives in two chunks stays whole, an invalid byte becomes U+FFFD', () => {
  const euro = Buffer.from('€');
  expect(linesOf(euro.subarray(0, 1), euro.subarray(1), '\n')).toEqual(['€']);
  expect(linesOf(Buffer.from([0x61, 0xff, 0x62, 0x0a]))).toEqual(['a\ufffdb']);
  expect(linesOf(Buffer.from([0x61, 0xe2, 0x82]))).toEqual(['a\ufffd']);
});

test('a long line is split at 16 KiB, not inside a character', () => {
  const text = `${'x'.repeat(MAX_LINE_BYTES - 1)}€${'y'.repeat(10)}`;
  const lines = linesOf(`${text}\nnext\n`);
  expect(lines).toEqual(['x'.repeat(MAX_LINE_BYTES - 1), `€${'y'.repeat(10)}`, 'next']);
  expect(linesOf('z'.repeat(MAX_LINE_BYTES), '\n')).toEqual(['z'.repeat(MAX_LINE_BYTES)]);
});

test('however the bytes are chunked, the lines are the same', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 7 }), (text, size) => {
      const bytes = Buffer.from(text);
      const chunks: Buffer[] = [];
      for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.subarray(at, at + size));
      expect(linesOf(...chunks)).toEqual(linesOf(bytes));
    }),
  );
});
