import type { StateBlock } from '../contract.js';
import { Fatigue, SERIES_RULE } from './fatigue.js';

function series(rule = SERIES_RULE): {
  level: (surprise: number) => number;
  state: StateBlock;
  fatigue: Fatigue;
} {
  const fatigue = new Fatigue(rule);
  const state = { data: new Float32Array(fatigue.stateSize + 3).fill(9), stride: 7, offset: 2 };
  fatigue.initState(state, 0);
  return { level: (surprise) => fatigue.level(surprise, state, 0), state, fatigue };
}

test('alerts above the threshold only', () => {
  const { level } = series();
  expect(level(1.4)).toBe(0);
  expect(level(1.5)).toBe(1.5);
});

test('is quiet for 100 events and 2% of the series, unless an event is stronger by the margin', () => {
  const { level } = series();
  const alerts: number[] = [];
  for (let n = 0; n < 400; n++) if (level(n === 50 ? 5.2 : 3) > 0) alerts.push(n);
  // quiet ends where n - last >= 100 + .02·(n+1): from 0 at 103, broken at 50; from 50 at 154, then at 260, 368
  expect(alerts).toEqual([0, 50, 154, 260, 368]);
});

test('each alert raises the bar by 0.1, fading by e in 2,000 events', () => {
  const { level } = series({ ...SERIES_RULE, quiet: 0, quietGrowth: 0 });
  level(4);
  expect(level(4)).toBeCloseTo(4 - 0.1 * (1 - 1 / 2000), 5);
  for (let n = 0; n < 4000; n++) level(0);
  expect(level(4)).toBeGreaterThan(3.95);
});

test('state is exact and stays in its block', () => {
  const whole = series();
  const parts = series();
  for (let n = 0; n < 3000; n++) {
    const surprise = (n * 7919) % 13 > 11 ? 1 + ((n * 31) % 40) / 10 : 0.3;
    const state = { ...parts.state, data: parts.state.data.slice() };
    const level = new Fatigue().level(surprise, state, 0);
    parts.state.data.set(state.data);
    expect(level).toBe(whole.level(surprise));
  }
  expect([...whole.state.data.subarray(0, 2), whole.state.data[6]]).toEqual([9, 9, 9]);
});
