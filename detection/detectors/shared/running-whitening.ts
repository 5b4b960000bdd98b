/**
 * The running covariance of an entity's errors, and what one vector of them amounts to under it. It starts as the unit
 * matrix, moves in small steps, and a vector far outside pulls no harder than one at the gate. Where the unit matrix
 * would have fitted better, it is taken back. State: [count, own loss, unit loss, share outside], covariance (lower
 * triangle by rows), its Cholesky factor, the diagonal of its inverse.
 */
const HEADER = 4;
const SLOWEST = 1 / 2000;
const LOSS_STEP = 1 / 200;
const REFRESH = 16;
/** a vector whose mean square is larger is outside */
const GATE = 4;
const SHARE_STEP = 1 / 200;
const MOVED_SHARE = 0.5;
const WORSE = 0.05;

export class RunningWhitening {
  readonly floats: number;
  private readonly triangle: number;
  private readonly forward: Float64Array;
  /** of the vector observed last: the variance that each coordinate had when all others were known */
  readonly variances: Float64Array;

  constructor(private readonly size: number) {
    this.variances = new Float64Array(size);
    this.triangle = (size * (size + 1)) / 2;
    this.floats = HEADER + 2 * this.triangle + size;
    this.forward = new Float64Array(size);
  }

  init(data: Float32Array, at: number): void {
    data.fill(0, at, at + this.floats);
    this.reset(data, at);
  }

  private reset(data: Float32Array, at: number): void {
    const { size, triangle } = this;
    const covariance = at + HEADER;
    data.fill(0, covariance, covariance + 2 * triangle);
    for (let i = 0; i < size; i++) {
      const diagonal = (i * (i + 3)) / 2;
      data[covariance + diagonal] = 1;
      data[covariance + triangle + diagonal] = 1;
      data[covariance + 2 * triangle + i] = 1;
    }
  }

  /** Mean square of errors[from..] under the covariance known before them; writes inverse · errors to `pull`, then learns. */
  observe(data: Float32Array, at: number, errors: Float32Array, from: number, pull: Float32Array): number {
    const { size, triangle, forward } = this;
    const covariance = at + HEADER;
    const factor = covariance + triangle;
    let own = 0;
    let unit = 0;
    let logDeterminant = 0;
    for (let i = 0, row = factor; i < size; row += ++i) {
      const error = errors[from + i]!;
      let sum = error;
      for (let j = 0; j < i; j++) sum -= data[row + j]! * forward[j]!;
      const diagonal = data[row + i]!;
      forward[i] = sum / diagonal;
      own += forward[i]! * forward[i]!;
      unit += error * error;
      logDeterminant += Math.log(diagonal);
    }
    for (let i = size - 1; i >= 0; i--) {
      let sum = forward[i]!;
      for (let j = i + 1; j < size; j++) sum -= data[factor + (j * (j + 1)) / 2 + i]! * pull[j]!;
      pull[i] = sum / data[factor + (i * (i + 3)) / 2]!;
    }
    const score = own / size;
    for (let i = 0; i < size; i++) this.variances[i] = 1 / data[factor + triangle + i]!;
    this.learn(data, at, errors, from, score, {
      own: 0.5 * Math.min(own, 4 * GATE * size) + logDeterminant,
      unit: 0.5 * Math.min(unit, 4 * GATE * size),
    });
    return score;
  }

  private learn(
    data: Float32Array,
    at: number,
    errors: Float32Array,
    from: number,
    score: number,
    losses: { own: number; unit: number },
  ): void {
    const { size } = this;
    const count = data[at]!;
    data[at + 1] = data[at + 1]! + LOSS_STEP * (losses.own - data[at + 1]!);
    data[at + 2] = data[at + 2]! + LOSS_STEP * (losses.unit - data[at + 2]!);
    data[at + 3] = data[at + 3]! + SHARE_STEP * ((score > GATE ? 1 : 0) - data[at + 3]!);
    if (data[at + 1]! > data[at + 2]! + WORSE * size) {
      this.reset(data, at);
      data[at] = 0;
      data[at + 1] = data[at + 2]!;
      return;
    }
    const moved = data[at + 3]! > MOVED_SHARE;
    const shrink = score > GATE && !moved ? GATE / score : 1;
    const step = Math.max(SLOWEST, 1 / (count + 20 + 2 * size));
    const covariance = at + HEADER;
    for (let i = 0, row = covariance; i < size; row += ++i) {
      const pull = step * shrink * errors[from + i]!;
      for (let j = 0; j <= i; j++) data[row + j] = (1 - step) * data[row + j]! + pull * errors[from + j]!;
    }
    data[at] = count < 1e6 ? count + 1 : 1e6 - REFRESH + 1;
    if ((data[at]! & (REFRESH - 1)) === 0) this.refresh(data, at);
  }

  /** The factor and the inverse's diagonal, from the covariance. */
  private refresh(data: Float32Array, at: number): void {
    const { size, triangle, forward } = this;
    const covariance = at + HEADER;
    const factor = covariance + triangle;
    const diagonal = factor + triangle;
    for (let i = 0, row = 0; i < size; row += ++i) {
      for (let j = 0, other = 0; j <= i; other += ++j) {
        let sum = data[covariance + row + j]!;
        for (let k = 0; k < j; k++) sum -= data[factor + row + k]! * data[factor + other + k]!;
        data[factor + row + j] = i === j ? Math.sqrt(Math.max(sum, 1e-3)) : sum / data[factor + other + j]!;
      }
    }
    // column by column: the inverse of the factor, whose squares add up to the inverse's diagonal
    for (let c = 0; c < size; c++) {
      let sum = 0;
      for (let i = c; i < size; i++) {
        const row = factor + (i * (i + 1)) / 2;
        let value = i === c ? 1 : 0;
        for (let k = c; k < i; k++) value -= data[row + k]! * forward[k]!;
        forward[i] = value / data[row + i]!;
        sum += forward[i]! * forward[i]!;
      }
      data[diagonal + c] = sum;
    }
  }
}
