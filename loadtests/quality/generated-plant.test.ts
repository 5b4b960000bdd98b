import { join } from 'node:path';
import { packageRoot } from '../../lib/paths.js';
import { generatedPlant, plantDynamics } from './generated-plant.js';

const folder = join(packageRoot(), 'examples', 'production-tep');

function readings(seed: number, variable: string): number[] {
  const rows: number[] = [];
  for (const { events } of generatedPlant({ folder, seed, lines: 1, days: 3 }))
    rows.push((events[0] as Record<string, number>)[variable]!);
  return rows;
}

test('the generated plant has the recorded means and spreads, the analysers keep their samples, and it never repeats', () => {
  const { mean, deviation } = plantDynamics(folder);
  const pressure = readings(1, 'xmeas_12');
  expect(pressure).toHaveLength(1440);
  const middle = pressure.reduce((sum, value) => sum + value, 0) / pressure.length;
  const spread = Math.sqrt(pressure.reduce((sum, value) => sum + (value - middle) ** 2, 0) / pressure.length);
  expect(Math.abs(middle - mean[11]!)).toBeLessThan(0.3 * deviation[11]!);
  expect(spread / deviation[11]!).toBeGreaterThan(0.8);
  expect(spread / deviation[11]!).toBeLessThan(1.25);
  const repeats = (values: number[]) => values.filter((value, i) => i > 0 && value === values[i - 1]).length;
  expect(repeats(readings(1, 'xmeas_23')) / 1440).toBeCloseTo(0.5, 1);
  expect(repeats(pressure) / 1440).toBeLessThan(0.02);
  expect(readings(1, 'xmeas_12')).toEqual(pressure);
  expect(readings(2, 'xmeas_12')).not.toEqual(pressure);
});
