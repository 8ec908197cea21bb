import { describe, expect, test } from 'vitest';
import { parseTime } from './time.ts';

describe('parseTime', () => {
  test.each([
    ['2026-05-11T14:12:31+02:00', '2026-05-11T12:12:31.000Z'],
    ['2026-05-11T14:12:31Z', '2026-05-11T14:12:31.000Z'],
    ['2026-05-11T14:12Z', '2026-05-11T14:12:00.000Z'],
    ['2026-05-11T14:12:31.250-05:30', '2026-05-11T19:42:31.250Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    // A plus that was not encoded arrives as a blank.
    ['2026-05-11T14:12:31 02:00', '2026-05-11T12:12:31.000Z'],
  ])('reads %s', (text, expected) => {
    expect(parseTime(text)?.toISOString()).toBe(expected);
  });

  test.each([
    '',
    'yesterday',
    '2026-05-11',
    '2026-05-11T14:12:31',
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-13-01T00:00:00Z',
    '2026-00-01T00:00:00Z',
    '2026-01-00T00:00:00Z',
    '2026-01-01T24:00:00Z',
    '2026-01-01T00:60:00Z',
    '2026-01-01T00:00:60Z',
    '2026-01-01T00:00:00+24:00',
    '2026-01-01T00:00:00Z; DROP',
  ])('refuses %j', (text) => {
    expect(parseTime(text)).toBeNull();
  });
});
