import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';

const root = packageRoot();

/** Runs the import check on a small tree with the given files. */
function check(files: Readonly<Record<string, string>>): { status: number | null; output: string } {
  const folder = mkdtempSync(join(tmpdir(), 'riskwire-imports-'));
  try {
    cpSync(join(root, '.dependency-cruiser.cjs'), join(folder, '.dependency-cruiser.cjs'));
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    writeFileSync(join(folder, 'package.json'), '{"name":"x","type":"module"}');
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(join(folder, name, '..'), { recursive: true });
      writeFileSync(join(folder, name), text);
    }
    const tops = [...new Set(Object.keys(files).map((name) => name.split('/')[0]!))];
    const depcruise = join(root, 'node_modules', 'dependency-cruiser', 'bin', 'dependency-cruise.mjs');
    const result = spawnSync(process.execPath, [depcruise, '--config', '.dependency-cruiser.cjs', ...tops], {
      cwd: folder,
      encoding: 'utf8',
    });
    return { status: result.status, output: result.stdout + result.stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test('the arrows of this repository are the allowed ones', () => {
  execFileSync('npm', ['run', '--silent', 'imports'], { cwd: root, encoding: 'utf8' });
});

test.each([
  ['detection/a.ts', '../lib/b.js', 'lib/b.ts', 'detection-imports'],
  ['alerting/a.ts', '../services/sink/b.js', 'services/sink/b.ts', 'alerting-imports'],
  ['lib/a.ts', '../detection/b.js', 'detection/b.ts', 'lib-imports'],
  ['pipelines/a.ts', '../lib/b.js', 'lib/b.ts', 'pipelines-imports'],
  ['services/sink/a.ts', '../scorer/b.js', 'services/scorer/b.ts', 'services-apart'],
  ['detection/a.ts', 'kafkajs', 'detection/b.ts', 'pure-cores'],
  ['detection/a.ts', 'node:fs', 'detection/b.ts', 'pure-cores'],
])('%s may not import %s', (from, specifier, target, rule) => {
  const { status, output } = check({
    [from]: `import * as b from '${specifier}';\nexport const a = b;\n`,
    [target]: 'export const b = 1;\n',
  });
  expect(output).toContain(rule);
  expect(status).not.toBe(0);
});

test('an allowed arrow passes', () => {
  const { status, output } = check({
    'services/sink/a.ts': "import { b } from '../../lib/b.js';\nexport const a = b;\n",
    'lib/b.ts': 'export const b = 1;\n',
  });
  expect(output).toContain('no dependency violations');
  expect(status).toBe(0);
});
