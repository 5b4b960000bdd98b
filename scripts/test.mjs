// npm test: installs what is missing, then lint, types, import directions and every test. Arguments go to jest
// (`npm test -- detection/judging`), which then runs alone. With CI=true a skipped test is a failed one.
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensure, root } from './ensure.mjs';
import { addUp, countsLine, skippedTests } from './test-counts.mjs';

const CHECK_MINUTES = 5;
const JEST_MINUTES = 20;
/** how long jest may take to end once its results are written */
const LINGER_MS = 30_000;
const strict = process.env.CI === 'true';
const passThrough = process.argv.slice(2);
const modules = (path) => join(root, 'node_modules', path);

const CHECKS = [
  { name: 'lint', args: [modules('@biomejs/biome/bin/biome'), 'check', '.'] },
  { name: 'types', args: [modules('typescript/bin/tsc'), '--noEmit'] },
  {
    name: 'import directions',
    args: [
      modules('dependency-cruiser/bin/dependency-cruise.mjs'),
      '--config',
      '.dependency-cruiser.cjs',
      '--output-type',
      'err',
      'services',
      'pipelines',
      'detection',
      'alerting',
      'lib',
      'loadtests',
      'test',
    ],
  },
];

/**
 * Runs Node on these arguments, bounded; resolves to whether it ended well. `written` is a file that it writes last:
 * with that there it must end soon, and what keeps it alive is a fault of a test.
 */
function runNode(name, args, minutes, written) {
  return new Promise((resolve) => {
    const started = Date.now();
    console.log(`\n── ${name}`);
    const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
    const timer = setTimeout(() => {
      console.log(`${name} didn't end within ${minutes} minutes and was stopped`);
      child.kill('SIGKILL');
    }, minutes * 60_000);
    const clear = () => {
      clearTimeout(timer);
      clearInterval(watching);
    };
    let writtenAt = 0;
    const watching = setInterval(() => {
      if (!written || !existsSync(written)) return;
      writtenAt ||= Date.now();
      if (Date.now() - writtenAt < LINGER_MS || child.killed) return;
      console.log(
        `${name}: all tests ran, but something that one of them opened keeps jest alive; it was stopped`,
      );
      child.kill('SIGKILL');
    }, 1000);
    child.on('error', (error) => {
      clear();
      console.log(`${name} couldn't be started: ${error.message}`);
      resolve(false);
    });
    child.on('exit', (code, signal) => {
      clear();
      const took = ((Date.now() - started) / 1000).toFixed(1);
      console.log(
        code === 0 ? `${name}: fine, ${took} s` : `${name}: FAILED (${signal ?? `exit ${code}`}), ${took} s`,
      );
      resolve(code === 0);
    });
  });
}

const folder = mkdtempSync(join(tmpdir(), 'riskwire-test-'));
const results = [];
let failedSteps = 0;

async function runJest(name, args) {
  const file = join(folder, `${results.length}.json`);
  const fine = await runNode(
    name,
    [modules('jest/bin/jest.js'), '--json', `--outputFile=${file}`, ...args],
    JEST_MINUTES,
    file,
  );
  let result;
  try {
    result = JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
    console.log(`${name}: jest wrote no results`);
    failedSteps += 1;
    return;
  }
  results.push(result);
  // an exit code that the counts don't explain (a coverage bound, an open handle) is a failure of its own
  if (!fine && addUp([result]).failed === 0) failedSteps += 1;
}

ensure();
try {
  if (passThrough.length > 0) {
    const serial =
      passThrough.some((argument) => argument.includes('e2e')) && !passThrough.includes('--runInBand');
    await runJest('tests', [...(serial ? ['--runInBand'] : ['--maxWorkers=2']), ...passThrough]);
  } else {
    for (const check of CHECKS) if (!(await runNode(check.name, check.args, CHECK_MINUTES))) failedSteps += 1;
    await runJest('unit and integration tests', [
      '--maxWorkers=2',
      '--testPathIgnorePatterns',
      '/node_modules/',
      '/test/e2e/',
    ]);
    // they start brokers and whole services: one after another, so that they don't slow each other down
    await runJest('end-to-end tests', ['--runInBand', 'test/e2e']);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const skipped = results.flatMap((result) => skippedTests(result, root));
if (skipped.length > 0) {
  console.log(`\nSkipped${strict ? ' (a failure with CI=true)' : ''}:`);
  for (const line of skipped) console.log(`  ${line}`);
}
const counts = addUp(results, { failedSteps, strict });
process.exitCode = counts.failed > 0 ? 1 : 0;
console.log(`\n${countsLine(counts)}`);
