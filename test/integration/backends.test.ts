import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';

const root = packageRoot();
const binding = join(root, 'node_modules', '@tensorflow', 'tfjs-node', 'lib');

interface Scored {
  backend: string;
  events: number;
  risks: { offset: number; score: number; severity: string }[];
}

function score(backend: string, pipeline: string, events: number): Scored {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(root, 'test', 'support', 'score-stream.mjs'), backend, pipeline, String(events)],
    { encoding: 'utf8', maxBuffer: 1 << 26 },
  );
  if (status !== 0) throw new Error(`scoring on ${backend} ended with ${status}: ${stderr}`);
  return JSON.parse(stdout.trim().split('\n').at(-1)!) as Scored;
}

const CASES = [
  ['transactions', 30_000],
  ['production', 6_000],
  ['agriculture', 12_000],
] as const;

/** scores.length risks of both, or the first difference beyond the tolerance */
function expectSame(one: Scored, other: Scored): void {
  expect(one.events).toBe(other.events);
  expect(one.risks.length).toBeGreaterThan(0);
  expect(other.risks.map(({ offset, severity }) => [offset, severity])).toEqual(
    one.risks.map(({ offset, severity }) => [offset, severity]),
  );
  one.risks.forEach(({ score: expected }, i) => {
    expect(Math.abs(other.risks[i]!.score - expected)).toBeLessThan(1e-4 * Math.max(1, expected));
  });
}

const native = existsSync(binding);
const withNative = native || process.env.CI === 'true' ? test : test.skip;

withNative.each(CASES)('the native binding and wasm find the same risks in %s', (pipeline, events) => {
  if (!native)
    throw new Error(
      'the native binding of @tensorflow/tfjs-node is not built: run node scripts/tfjs-native.mjs',
    );
  const wasm = score('wasm', pipeline, events);
  const found = score('native', pipeline, events);
  expect([wasm.backend, found.backend]).toEqual(['wasm', 'native']);
  expectSame(wasm, found);
});

test('plain JavaScript, the last resort, finds them too', () => {
  expectSame(score('wasm', 'agriculture', 3000), score('cpu', 'agriculture', 3000));
});
