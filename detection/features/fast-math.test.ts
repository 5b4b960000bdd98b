import { circle, halved, ln, ln1p, log10, tenTo } from './fast-math.js';

/** numbers over many decades, with the edges between which tables change */
function* numbers(): Generator<number> {
  let state = 1;
  for (let i = 0; i < 20_000; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    yield 10 ** ((state / 2 ** 32) * 60 - 30);
  }
  for (let e = -60; e <= 60; e++)
    for (const near of [1 - 2 ** -40, 1 - 2 ** -25, 1, 1 + 2 ** -52, 1 + 1 / 256, 1.5]) yield 2 ** e * near;
}

describe('fast logarithms and powers', () => {
  it('give the logarithm to 1e-11', () => {
    let most = 0;
    for (const x of numbers()) most = Math.max(most, Math.abs(ln(x) - Math.log(x)));
    expect(most).toBeLessThan(1e-11);
    for (const x of numbers())
      if (x < 1e6)
        most = Math.max(most, Math.abs(ln1p(x) - Math.log1p(x)), Math.abs(log10(x) - Math.log10(x)));
    expect(most).toBeLessThan(1e-11);
  });

  it('give what Math gives outside of the tables', () => {
    for (const x of [0, -1, Number.NaN, 1e-300, 5e-324, 1e300, Number.POSITIVE_INFINITY]) {
      expect(ln(x)).toBe(Math.log(x));
    }
  });

  it('give what is left after half-lives to 1e-10 of it', () => {
    let most = 0;
    for (const x of numbers()) {
      if (x > 900) continue;
      most = Math.max(most, Math.abs(halved(x) / 2 ** -x - 1));
    }
    expect(most).toBeLessThan(1e-10);
    for (let x = 0; x < 300; x += 0.37) most = Math.max(most, Math.abs(tenTo(x) / 10 ** x - 1));
    expect(most).toBeLessThan(1e-10);
    expect(tenTo(400)).toBe(Number.POSITIVE_INFINITY);
    expect(halved(0)).toBeCloseTo(1, 12);
    expect(halved(1e9)).toBe(0);
    expect(halved(Number.POSITIVE_INFINITY)).toBe(0);
    expect(halved(Number.NaN)).toBeNaN();
  });

  it('go round the circle to 1e-11', () => {
    const out = new Float64Array(2);
    let most = 0;
    for (let i = 0; i <= 10_000; i++) {
      const turns = (i / 10_000) * 7;
      circle(turns, out, 0);
      const angle = 2 * Math.PI * turns;
      most = Math.max(most, Math.abs(out[0]! - Math.sin(angle)), Math.abs(out[1]! - Math.cos(angle)));
    }
    expect(most).toBeLessThan(1e-11);
    circle(Number.NaN, out, 0);
    expect(out[0]).toBeNaN();
  });
});
