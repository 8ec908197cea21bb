import { expect, test } from 'vitest';
import { csvLine, jsonRow } from './row-text.ts';
import { parseFilter, parseSort, systemColumn } from './view-query.ts';

test('a filter is a list of conditions', () => {
  expect(parseFilter(undefined)).toEqual([]);
  expect(
    parseFilter('[{"column":"id","operator":"equals","value":"1"},{"column":"b","operator":"empty"}]'),
  ).toEqual([
    { column: 'id', operator: 'equals', value: '1' },
    { column: 'b', operator: 'empty', value: '' },
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

test('the keys of a row stand in column order', () => {
  expect(jsonRow(['b', '10', '2', '__proto__'], ['1', '2', '3', '4'])).toBe(
    '{"b":"1","10":"2","2":"3","__proto__":"4"}',
  );
});
