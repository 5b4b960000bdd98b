interface Counted {
  numPassedTests: number;
  numFailedTests: number;
  numRuntimeErrorTestSuites: number;
  numPendingTests: number;
  numTodoTests: number;
}
interface Counts {
  passed: number;
  failed: number;
  skipped: number;
}
export function addUp(
  results: readonly Counted[],
  options?: { failedSteps?: number; strict?: boolean },
): Counts;
export function countsLine(counts: Counts): string;
export function skippedTests(
  result: { testResults: { name: string; assertionResults: { status: string; fullName: string }[] }[] },
  root: string,
): string[];
