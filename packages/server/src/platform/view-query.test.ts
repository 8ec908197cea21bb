import { expect, test } from 'vitest';
import { csvLine } from './row-text.ts';
import { onColumns, parseFilter, parseSort, systemColumn } from './view-query.ts';

test('a filter is a list of conditions', () => {
  expect(parseFilter(undefined)).toEqual([]);
  expect(
    parseFilter('[{"column":"id","operator":"equals","value":"1"},{"column":"b","operator":"empty"}]'),
  ).toEqual([
    { column: 'id', operator: 'equals', value: '1' },
    { column: 'b', operator: 'empty' },
  ]);
});

test.each([
  '{',
  '{}',
  '"x"',
  '[1]',
  '[null]',
  '[{"column":"","operator":"empty"}]',
  '[{"column":"id"}]',
  '[{"column":"id","operator":"like","value":"x"}]',
  '[{"column":"id","operator":"equals"}]',
  '[{"column":"id","operator":"equals","value":1}]',
  '[{"column":"id","operator":"empty","value":"x"}]',
])('%s is no filter', (text) => {
  expect(parseFilter(text)).toBeNull();
});

test('up to three columns are sorted by', () => {
  expect(parseSort('a,-b')).toEqual([
    { column: 'a', descending: false },
    { column: 'b', descending: true },
  ]);
  for (const wrong of ['a,b,c,d', 'a,', ',a', 'a,-a', '-']) expect(parseSort(wrong)).toBeNull();
});

test('three underscores make a system column', () => {
  expect(['___x', '__x', 'x___'].map(systemColumn)).toEqual([true, false, false]);
});

test('CSV quotes what it must', () => {
  expect(csvLine(['a', 'b,c', 'say "hi"', 'two\nlines', ''])).toBe('a,"b,c","say ""hi""","two\nlines",\r\n');
});

test('a column that a data set has not is empty in every row', () => {
  const sort = [{ column: 'none' }, { column: 'id' }];
  expect(onColumns(['id'], { filter: [{ column: 'none', operator: 'empty' }], sort })).toEqual({
    filter: [],
    sort: [{ column: 'id' }],
  });
  for (const [operator, value, passes] of [
    ['equals', '', true],
    ['equals', 'x', false],
    ['not-equals', 'x', true],
    ['contains', 'x', false],
    ['begins-with', '', true],
    ['greater', '0', false],
    ['less', 'x', true],
  ] as const) {
    expect(onColumns([], { filter: [{ column: 'none', operator, value }], sort: [] }) !== null).toBe(passes);
  }
  expect(onColumns([], { filter: [{ column: 'none', operator: 'not-empty' }], sort: [] })).toBeNull();
});
