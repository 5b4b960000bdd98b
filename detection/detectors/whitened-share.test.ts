import { strongest, whitenedShares } from './whitened-share.js';

/** Three features; the first two move together, their difference has a hundredth of the spread. */
const WHITE = Float32Array.from([7, 0.5, 0, -7, 0.5, 0, 0, 0, 1]);

function explained(row: readonly number[]) {
  const u = new Float32Array(3);
  for (let i = 0; i < 3; i++) for (let j = 0; j < 3; j++) u[j]! += row[i]! * WHITE[i * 3 + j]!;
  const shares = whitenedShares(WHITE, u, [[0], [1], [2]]);
  const at = (index: number) => row[index]!;
  return strongest(shares, 3, at, () => 1, at);
}

test('one bad feature is not smeared over its neighbours', () => {
  const [first, ...others] = explained([0, 0, 6]);
  expect(first).toMatchObject({ index: 2, direction: 'high', expected: 0 });
  expect(first!.share).toBeGreaterThan(0.99);
  expect(others.every(({ share }) => share < 0.01)).toBe(true);
});

test('of two features bound to each other the one that is unusual by itself goes first', () => {
  for (const [row, index] of [
    [[3, 0, 0], 0],
    [[0, 3, 0], 1],
    [[0, -3, 0], 1],
  ] as const) {
    const [first, second] = explained(row);
    expect(first!.index).toBe(index);
    expect(first!.share).toBeGreaterThan(1.5 * second!.share);
    expect(first!.expected).toBeCloseTo(0, 0);
  }
});
