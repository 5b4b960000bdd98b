/**
 * Online logistic regression by FTRL-proximal (McMahan et al. 2013, "Ad click prediction: a view from the trenches",
 * algorithm 1). Each coordinate has a learning rate of its own, so an input that is rarely there still learns.
 * Sums are kept in 32 bits, rounded at each step, so that a saved state goes on exactly as if it had never been saved.
 */
export interface FtrlOptions {
  readonly inputs: number;
  readonly alpha?: number;
  readonly beta?: number;
  readonly l1?: number;
  readonly l2?: number;
}

export class Ftrl {
  readonly inputs: number;
  /** floats that the state takes: z and n, an input each */
  readonly stateSize: number;
  readonly #alpha: number;
  readonly #beta: number;
  readonly #l1: number;
  readonly #l2: number;
  readonly #z: Float32Array;
  readonly #n: Float32Array;
  readonly #weights: Float64Array;

  constructor({ inputs, alpha = 0.3, beta = 1, l1 = 0, l2 = 0.01 }: FtrlOptions) {
    if (!(inputs > 0)) throw new RangeError(`ftrl: ${inputs} inputs; give at least 1`);
    this.inputs = inputs;
    this.stateSize = 2 * inputs;
    this.#alpha = alpha;
    this.#beta = beta;
    this.#l1 = l1;
    this.#l2 = l2;
    this.#z = new Float32Array(inputs);
    this.#n = new Float32Array(inputs);
    this.#weights = new Float64Array(inputs);
  }

  /** The log odds of a risk, by the weights as they are. */
  logit(x: Float32Array): number {
    let sum = 0;
    for (let i = 0; i < this.inputs; i++) sum += this.#weights[i]! * x[i]!;
    return sum;
  }

  /** What input `i` adds to the log odds at the value `x`. */
  contribution(i: number, x: number): number {
    return this.#weights[i]! * x;
  }

  /** One step towards `label`, as if the row had come `weight` times. */
  learn(x: Float32Array, label: 0 | 1, weight = 1): void {
    const error = (1 / (1 + Math.exp(-this.logit(x))) - label) * weight;
    for (let i = 0; i < this.inputs; i++) {
      const value = x[i]!;
      if (value === 0) continue;
      const gradient = error * value;
      const before = this.#n[i]!;
      const after = before + gradient * gradient;
      const sigma = (Math.sqrt(after) - Math.sqrt(before)) / this.#alpha;
      this.#z[i] = this.#z[i]! + gradient - sigma * this.#weights[i]!;
      this.#n[i] = after;
      this.#weights[i] = this.#weight(i);
    }
  }

  #weight(i: number): number {
    const z = this.#z[i]!;
    if (Math.abs(z) <= this.#l1) return 0;
    const shrunk = z > 0 ? z - this.#l1 : z + this.#l1;
    return -shrunk / ((this.#beta + Math.sqrt(this.#n[i]!)) / this.#alpha + this.#l2);
  }

  /** Writes stateSize floats from `at` on. */
  saveTo(state: Float32Array, at: number): void {
    state.set(this.#z, at);
    state.set(this.#n, at + this.inputs);
  }

  load(state: Float32Array, at = 0): void {
    if (state.length < at + this.stateSize)
      throw new RangeError(`ftrl state: ${state.length - at} floats; expected ${this.stateSize}`);
    this.#z.set(state.subarray(at, at + this.inputs));
    this.#n.set(state.subarray(at + this.inputs, at + this.stateSize));
    for (let i = 0; i < this.inputs; i++) this.#weights[i] = this.#weight(i);
  }
}
