import { Random } from '../../pipelines/random.js';
import { compareRisks } from './compare.js';
import { faultPlan } from './faults.js';

const risk = (id: string, score: number, ...reasons: string[]) => ({ id, score, reasons });

test('names what is missing, extra, doubled and different', () => {
  const quiet = [risk('a', 3, 'amount'), risk('b', 4, 'gap'), risk('c', 5, 'gap'), risk('d', 6, 'gap')];
  const disturbed = [
    risk('a', 3.00009, 'amount'),
    risk('b', 4.0002, 'gap'),
    risk('c', Number.NaN, 'gap'),
    risk('e', 1, 'gap'),
    risk('a', 3, 'amount'),
  ];
  const found = compareRisks(quiet, disturbed);
  expect(found.missing).toEqual(['d']);
  expect(found.extra).toEqual(['e', '1 rows with an id that another row has']);
  expect(found.scoreDifferences.map((line) => line[0])).toEqual(['b', 'c']);
  expect(found.reasonDifferences).toEqual([]);
  expect(compareRisks(quiet, quiet)).toMatchObject({
    risks: 4,
    missing: [],
    extra: [],
    scoreDifferences: [],
  });
});

test('a seed gives the same faults again, and each plan begins with something of every kind', () => {
  const plan = (seed: number) => {
    const faults = faultPlan(new Random(seed));
    return Array.from({ length: 40 }, () => faults.next().value.name);
  };
  expect(plan(3)).toEqual(plan(3));
  expect(plan(3)).not.toEqual(plan(4));
  for (const seed of [1, 2, 3])
    expect(plan(seed).slice(0, 7)).toEqual(
      expect.arrayContaining([
        'kill scorer',
        'kill sink',
        'kill alert-api',
        'kill broker',
        'kill clickhouse',
      ]),
    );
});
