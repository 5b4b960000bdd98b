import { EventColumns } from '../features/columns.js';
import { planFeatures } from '../features/plan.js';
import { Recording } from './recording.js';

const plan = planFeatures({
  numbers: [{ field: 'amount', log: true }],
  categories: ['terminal'],
  calendar: true,
  gap: true,
  activity: [3600],
});

test('domains beyond those that have scales of their own share some, also within one micro-batch', () => {
  const recording = new Recording(plan, 1000, 1000);
  const columns = new EventColumns(1000, 1, 1);
  for (let row = 0; row < 1000; row++) {
    columns.entities[row] = `entity ${row % 50}`;
    columns.numbers[0]![row] = row;
    columns.categories[0]![row] = 't';
    columns.close(`domain ${row % 400}`, 'UTC', Date.UTC(2024, 3, 1) + row * 1000, row);
  }
  recording.add(columns);
  const { scales, set } = recording.finish();
  expect(scales.domains).toHaveLength(255);
  const shared = Array.from({ length: 1000 }, (_, row) => row).filter((row) => row % 400 >= 254);
  expect(new Set(shared.map((row) => set.domains[row]))).toEqual(new Set([254]));
});
