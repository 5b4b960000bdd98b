import { Pace } from './pace.js';

const never = new AbortController().signal;

describe('Pace', () => {
  it('sends groups ten times a second, as large as the rate asks for', () => {
    expect(new Pace(500).group(2_000)).toBe(50);
    expect(new Pace(500).group(20)).toBe(20);
    expect(new Pace(3).group(2_000)).toBe(1);
    expect(new Pace('lag').group(2_000)).toBe(2_000);
  });

  it('keeps to the schedule, not to the time between two sends', async () => {
    const started = performance.now();
    const pace = new Pace(1_000);
    for (let i = 0; i < 5; i++) {
      await pace.due(60, never);
      const busy = performance.now();
      while (performance.now() - busy < 20);
    }
    // the fifth group is due at 240 ms, whatever the four before it took
    const took = performance.now() - started;
    expect(took).toBeGreaterThanOrEqual(240);
    expect(took).toBeLessThan(400);
  });

  it('catches up with a second of its schedule at most', async () => {
    let now = 0;
    const pace = new Pace(100, () => now);
    now = 60_000;
    let sent = 0;
    const waiting = new AbortController();
    for (; sent < 5_000; sent += 10) {
      const due = pace.due(10, waiting.signal);
      const isDue = await Promise.race([
        due.then(() => true),
        new Promise<false>((resolve) => setImmediate(() => resolve(false))),
      ]);
      if (!isDue) {
        waiting.abort();
        await expect(due).rejects.toThrow();
        break;
      }
    }
    expect(sent).toBeGreaterThanOrEqual(100);
    expect(sent).toBeLessThanOrEqual(120);
  });

  it('takes a new rate up while it waits', async () => {
    const pace = new Pace(0.01);
    await pace.due(1, never);
    const waiting = pace.due(1, never);
    pace.set('lag');
    const started = performance.now();
    await waiting;
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('refuses a rate that is none', () => {
    for (const rate of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => new Pace(rate)).toThrow(/above 0, or 'lag'/);
  });
});
