/** A seeded source of numbers: the same seed gives the same training on every backend. */
export class Random {
  private state: number;
  private readonly normals: Float32Array;

  constructor(seed: number) {
    this.state = seed >>> 0 || 0x9e3779b9;
    this.normals = new Float32Array(1 << 14);
    for (let i = 0; i < this.normals.length; i++) {
      const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
      this.normals[i] = radius * Math.cos(2 * Math.PI * this.uniform());
    }
  }

  /** in [0, 1) (mulberry32) */
  uniform(): number {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = Math.imul(this.state ^ (this.state >>> 15), 1 | this.state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  below(bound: number): number {
    return Math.floor(this.uniform() * bound);
  }

  /** adds noise of the given standard deviation to values[from .. to), from a table that starts anywhere */
  addNoise(values: Float32Array, from: number, to: number, deviation: number): void {
    const mask = this.normals.length - 1;
    let at = this.below(this.normals.length);
    for (let i = from; i < to; i++) values[i]! += deviation * this.normals[at++ & mask]!;
  }

  shuffle(values: Int32Array): void {
    for (let i = values.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      const held = values[i]!;
      values[i] = values[j]!;
      values[j] = held;
    }
  }

  /** a layer's start: uniform with the spread that keeps signals' size (Glorot and Bengio 2010) */
  layer(inputs: number, outputs: number): Float32Array {
    const limit = Math.sqrt(6 / (inputs + outputs));
    return Float32Array.from({ length: inputs * outputs }, () => (2 * this.uniform() - 1) * limit);
  }
}
