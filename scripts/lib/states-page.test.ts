import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { statesPage } from './states-page.ts';

test('docs/reference/version-states.md is what the table of transitions says', () => {
  const page = readFileSync(new URL('../../docs/reference/version-states.md', import.meta.url), 'utf8');
  expect(page).toBe(statesPage());
});
