import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { declaredRows, rowsOf } from './operations-page.ts';

const page = readFileSync(new URL('../../docs/reference/operations.md', import.meta.url), 'utf8');
const rows = rowsOf(page);
const renew =
  'docs/reference/operations.md is out of date: npm run docs:operations runs the tests and renews it';

/** What a declaration says, without what was seen. */
const declared = ({ id, address, examples, refusals, roles }: ReturnType<typeof rowsOf>[number]) =>
  `${id}: ${address}, ${examples[1]} examples, ${refusals[1]} refusals, ${roles[1]} roles`;

test('the page has every operation, with its examples, refusals and roles', () => {
  expect(rows.map(declared).sort(), renew).toEqual(declaredRows().map(declared).sort());
});

test.each(rows)('$id was tested with every example, refusal, role and field', (row) => {
  for (const [seen, all] of [row.examples, row.refusals, row.roles]) expect(seen, renew).toBe(all);
  expect(row.fields).toBeGreaterThan(0);
  expect(row.requests).toBeGreaterThanOrEqual(row.fields);
});
