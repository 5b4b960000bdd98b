import { relative } from 'node:path';

/** jest's own counts of one or more runs, with failed steps as failures; in strict mode a skipped test is one too. */
export function addUp(results, { failedSteps = 0, strict = false } = {}) {
  const counts = { passed: 0, failed: failedSteps, skipped: 0 };
  for (const result of results) {
    counts.passed += result.numPassedTests;
    // a file that couldn't be run at all has no tests to count, and is not fine
    counts.failed += result.numFailedTests + result.numRuntimeErrorTestSuites;
    counts.skipped += result.numPendingTests + result.numTodoTests;
  }
  if (strict) {
    counts.failed += counts.skipped;
    counts.skipped = 0;
  }
  return counts;
}

export function countsLine({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`;
}

/** One line a skipped test. Why stands in its title: tests that need something say so there ("needs Java …"). */
export function skippedTests(result, root) {
  return result.testResults.flatMap((file) =>
    file.assertionResults
      .filter(({ status }) => status === 'pending' || status === 'todo' || status === 'skipped')
      .map(({ fullName }) => `${relative(root, file.name)}: ${fullName}`),
  );
}
