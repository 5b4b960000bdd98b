/**
 * How well two rankings of the same events tell risks from the rest, as their labels come in: average precision over
 * about the last `memory` labelled events, each with the score it had when it was scored. Scores are counted in bins
 * by class, and counts fade, so the state is small and exact to save.
 */
const BINS = 128;
/** floats that save() writes */
export const GAIN_STATE_SIZE = 4 * BINS + 3;
/** labels between two fadings of the counts */
const FADE_EVERY = 256;

export class RankingGain {
  /** [first risks, first others, second risks, second others] x BINS, the labels seen of both kinds, labels since fading */
  readonly #state = new Float32Array(GAIN_STATE_SIZE);
  readonly #keep: number;

  constructor(memory = 100_000) {
    this.#keep = (1 - 1 / memory) ** FADE_EVERY;
  }

  /** labelled risks so far */
  get risks(): number {
    return this.#state[4 * BINS]!;
  }

  /** labelled others so far, each counted as often as it stands for */
  get others(): number {
    return this.#state[4 * BINS + 1]!;
  }

  /** @param first surprise by the first stage @param second log odds by the second */
  add(first: number, second: number, risk: boolean, weight: number): void {
    const state = this.#state;
    state[4 * BINS + 2] = state[4 * BINS + 2]! + weight;
    if (state[4 * BINS + 2]! >= FADE_EVERY) {
      for (let i = 0; i < 4 * BINS; i++) state[i] = state[i]! * this.#keep;
      state[4 * BINS + 2] = 0;
    }
    const side = risk ? 0 : BINS;
    const one = side + bin(first, 0, 12);
    const two = 2 * BINS + side + bin(second, -12, 12);
    state[one] = state[one]! + weight;
    state[two] = state[two]! + weight;
    const count = 4 * BINS + (risk ? 0 : 1);
    if (state[count]! < 1e7) state[count] = state[count]! + weight;
  }

  get firstAp(): number {
    return this.#ap(0);
  }

  get secondAp(): number {
    return this.#ap(2 * BINS);
  }

  #ap(from: number): number {
    let risks = 0;
    let all = 0;
    let sum = 0;
    for (let i = BINS - 1; i >= 0; i--) {
      const here = this.#state[from + i]!;
      risks += here;
      all += here + this.#state[from + BINS + i]!;
      if (all > 0) sum += (here * risks) / all;
    }
    return risks > 0 ? sum / risks : 0;
  }

  saveTo(state: Float32Array, at: number): void {
    state.set(this.#state, at);
  }

  load(state: Float32Array, at = 0): void {
    this.#state.set(state.subarray(at, at + GAIN_STATE_SIZE));
  }
}

function bin(value: number, low: number, high: number): number {
  const at = Math.floor(((value - low) / (high - low)) * BINS);
  return at < 0 || Number.isNaN(at) ? 0 : at >= BINS ? BINS - 1 : at;
}
