import { expect, test } from 'vitest';
import { count } from './test-report.mjs';

const file = (status, ...tests) => ({
  status,
  assertionResults: tests.map((one) => ({ status: one })),
});

test('tests are counted by their outcome', () => {
  const report = {
    testResults: [file('failed', 'passed', 'failed', 'pending'), file('passed', 'passed', 'todo', 'skipped')],
  };
  expect(count(report, 1)).toEqual({ passed: 2, failed: 1, skipped: 3 });
});

test('a file that could not be run is a failure', () => {
  expect(count({ testResults: [file('failed'), file('passed', 'passed')] }, 1)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});

test('an error outside all tests, and a run without a report, are failures', () => {
  expect(count({ testResults: [file('passed', 'passed')] }, 1)).toEqual({ passed: 1, failed: 1, skipped: 0 });
  expect(count(null, 137)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});
