const TWO_POW_MINUS_32 = 2 ** -32;

/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand), 128 bits of state.
 * `reseed` starts a new, independent sequence from up to four numbers: a simulation that seeds per (entity, day)
 * can draw any day of any entity without the days before it.
 */
export class Random {
  // A typed array holds the state: fields above 2^30 would be boxed on every write.
  private readonly state = new Int32Array(4);
  private spare = 0;
  private hasSpare = false;

  constructor(a = 0, b = 0, c = 0, d = 0) {
    this.reseed(a, b, c, d);
  }

  reseed(a: number, b = 0, c = 0, d = 0): this {
    const s = this.state;
    s[0] = a ^ 0x9e3779b9;
    s[1] = Math.imul(b, 0x85ebca6b) ^ 0x243f6a88;
    s[2] = Math.imul(c, 0xc2b2ae35) ^ 0xb7e15162;
    s[3] = d;
    this.hasSpare = false;
    for (let i = 0; i < 15; i++) this.int32();
    return this;
  }

  private int32(): number {
    const s = this.state;
    const a = s[0]!;
    const b = s[1]!;
    const c = s[2]!;
    const counter = s[3]!;
    const out = (a + b + counter) | 0;
    s[3] = (counter + 1) | 0;
    s[0] = b ^ (b >>> 9);
    s[1] = (c + (c << 3)) | 0;
    s[2] = (((c << 21) | (c >>> 11)) + out) | 0;
    return out;
  }

  /** in [0, 1) */
  unit(): number {
    return (this.int32() >>> 0) * TWO_POW_MINUS_32;
  }

  uniform(low: number, high: number): number {
    return low + (high - low) * this.unit();
  }

  /** an integer in [0, count) */
  below(count: number): number {
    return Math.floor(this.unit() * count);
  }

  /** standard normal, by Marsaglia's polar method */
  normal(): number {
    if (this.hasSpare) {
      this.hasSpare = false;
      return this.spare;
    }
    for (;;) {
      const u = 2 * this.unit() - 1;
      const v = 2 * this.unit() - 1;
      const r = u * u + v * v;
      if (r > 0 && r < 1) {
        const scale = Math.sqrt((-2 * Math.log(r)) / r);
        this.spare = v * scale;
        this.hasSpare = true;
        return u * scale;
      }
    }
  }

  /** Poisson by Knuth's product of uniforms, for small means; takes e^−mean so that callers compute it once */
  poisson(expMinusMean: number): number {
    let count = 0;
    let product = this.unit();
    while (product > expMinusMean) {
      count++;
      product *= this.unit();
    }
    return count;
  }

  /** `count` different integers in [0, from), in the order they were drawn (Floyd's algorithm) */
  sample(from: number, count: number): number[] {
    const chosen = new Set<number>();
    for (let top = from - count; top < from; top++) {
      const draw = this.below(top + 1);
      chosen.add(chosen.has(draw) ? top : draw);
    }
    return [...chosen];
  }
}
