import { firstSeverity, type Severity, severityAfter } from './severity.js';

const MINUTE = 60_000;
const rules = { easeMs: 30 * MINUTE, flapMs: 60 * MINUTE };

function run(risks: readonly [minute: number, severity: Severity][]) {
  const [first, ...rest] = risks;
  let state = { ...firstSeverity(first![1], first![0] * MINUTE), lastRiskAt: first![0] * MINUTE };
  return rest.map(([minute, severity]) => {
    const { step, ...after } = severityAfter(state, { severity, eventTime: minute * MINUTE }, rules);
    state = { ...after, lastRiskAt: Math.max(state.lastRiskAt, minute * MINUTE) };
    return [step, state.severity];
  });
}

test('it rises at once and falls only when nothing as severe came for half an hour', () => {
  expect(
    run([
      [0, 'low'],
      [1, 'high'],
      [20, 'low'],
      [31, 'low'],
      [32, 'low'],
    ]),
  ).toEqual([
    ['rose', 'high'],
    ['stayed', 'high'],
    ['stayed', 'high'],
    ['fell', 'low'],
  ]);
});

test('going up and down is told once an hour, except when it gets worse than ever', () => {
  expect(
    run([
      [0, 'low'],
      [1, 'high'],
      [40, 'low'],
      [41, 'high'],
      [80, 'low'],
      [81, 'critical'],
      [120, 'low'],
      [150, 'high'],
    ]),
  ).toEqual([
    ['rose', 'high'],
    ['fell', 'low'],
    ['moved', 'high'],
    ['fell', 'low'],
    ['rose', 'critical'],
    ['fell', 'low'],
    ['rose', 'high'],
  ]);
});
