/**
 * Counts what Vitest reported. A file that could not be run, and a run that failed for another reason than a test (an error
 * outside all tests, no report at all), count as one failure each.
 *
 * @param {null | { testResults: { status: string; assertionResults: { status: string }[] }[] }} report
 * @param {number} exitCode Vitest's own
 * @returns {{ passed: number; failed: number; skipped: number }}
 */
export function count(report, exitCode) {
  const files = report?.testResults ?? [];
  const tests = files.flatMap((file) => file.assertionResults);
  const passed = tests.filter((test) => test.status === 'passed').length;
  const failedTests = tests.filter((test) => test.status === 'failed').length;
  const failedFiles = files.filter(
    (file) => file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed'),
  ).length;
  const failed = failedTests + failedFiles;
  return {
    passed,
    failed: failed === 0 && exitCode !== 0 ? 1 : failed,
    skipped: tests.length - passed - failedTests,
  };
}
