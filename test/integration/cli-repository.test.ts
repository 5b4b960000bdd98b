import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { completed, missingFromLock } from '../../scripts/complete-lock.mjs';
import { addUp, countsLine, skippedTests } from '../../scripts/test-counts.mjs';
import { readZip } from '../../scripts/zip.mjs';

describe('the lock file', () => {
  const lock = JSON.parse(readFileSync(join(packageRoot(), 'package-lock.json'), 'utf8'));

  test('names every platform’s optional packages (node scripts/complete-lock.mjs adds what is missing)', () => {
    expect(missingFromLock(lock).map(({ name }: { name: string }) => name)).toEqual([]);
  });

  test('is completed where a registry lacks packages for other machines', () => {
    const packages = {
      '': { name: 'x' },
      'node_modules/tool': {
        version: '2.0.0',
        dev: true,
        optionalDependencies: { '@tool/linux-arm64-musl': '2.0.0', '@tool/anywhere': '^1.0.0' },
      },
    };
    expect(
      completed({ lockfileVersion: 3, packages }).packages['node_modules/@tool/linux-arm64-musl'],
    ).toEqual({
      version: '2.0.0',
      cpu: ['arm64'],
      dev: true,
      libc: ['musl'],
      optional: true,
      os: ['linux'],
    });
  });
});

describe('the counts of npm test', () => {
  const result = {
    numPassedTests: 5,
    numFailedTests: 1,
    numRuntimeErrorTestSuites: 1,
    numPendingTests: 2,
    numTodoTests: 0,
  };

  test('a file that could not run and a failed step are failures', () => {
    expect(countsLine(addUp([result, result], { failedSteps: 1 }))).toBe('10 passed, 5 failed, 4 skipped');
  });

  test('with CI=true a skipped test is a failure', () => {
    expect(countsLine(addUp([result], { strict: true }))).toBe('5 passed, 4 failed');
  });

  test('skipped tests are named with their reason', () => {
    const assertionResults = [
      { status: 'pending', fullName: 'scorer (needs a real Kafka broker: java is not on PATH) counts' },
      { status: 'passed', fullName: 'scorer scores' },
    ];
    expect(
      skippedTests({ testResults: [{ name: '/repo/test/e2e/a.test.ts', assertionResults }] }, '/repo'),
    ).toEqual(['test/e2e/a.test.ts: scorer (needs a real Kafka broker: java is not on PATH) counts']);
  });
});

test('an archive that is cut short is refused', () => {
  expect(() => readZip(join(packageRoot(), 'package.json'))).toThrow("isn't a zip archive, or is cut short");
});
