import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { CommandFailed } from '../../services/cli/exit.js';
import { type Comparable, comparedWith, type Recorded, TOLERANCE, worseThan } from './check.js';

const FILE = join('loadtests', 'recorded.json');

/** Keeps what was measured as what later runs are held against. */
export function record(measured: Comparable, about: Readonly<Record<string, unknown>>): string {
  const { ratios, partShares } = measured;
  const kept: Recorded = { ratios, partShares, tolerance: TOLERANCE, recorded: about };
  writeFileSync(join(packageRoot(), FILE), `${JSON.stringify(kept, undefined, 2)}\n`);
  return FILE;
}

/**
 * Compares with what was recorded and says how many figures that were.
 * @throws CommandFailed with every figure that is worse than the tolerance allows
 */
export function check(measured: Comparable): number {
  const path = join(packageRoot(), FILE);
  if (!existsSync(path))
    throw new CommandFailed(`there is no ${FILE} to compare with; make one with --record on a quiet machine`);
  const recorded = JSON.parse(readFileSync(path, 'utf8')) as Recorded;
  const compared = comparedWith(recorded, measured);
  if (compared === 0) throw new CommandFailed(`${FILE} has none of the figures that were measured`);
  const worse = worseThan(recorded, measured);
  if (worse.length > 0)
    throw new CommandFailed(
      `slower than recorded in ${FILE}:\n${worse.map((line) => `  ${line}`).join('\n')}`,
    );
  return compared;
}
