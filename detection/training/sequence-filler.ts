import type { PlantedValue } from './evidence.js';
import { type Autoregression, residual, type SequenceRows } from './sequence-linear.js';
import type { SequenceNetwork } from './sequence-network.js';

/** Writes rows of a training set where the network takes them. */
export class Filler {
  private readonly line: Float32Array;
  private readonly error: Float64Array;

  constructor(
    private readonly fit: {
      readonly rows: SequenceRows;
      readonly linear: Pick<Autoregression, 'map' | 'spread'>;
    },
    private readonly net: SequenceNetwork,
  ) {
    const { features } = fit.rows.set;
    this.line = new Float32Array(3 * features + fit.rows.known.size);
    this.error = new Float64Array(features);
  }

  fill(at: number, row: number, counts: boolean): void {
    const { net, fit } = this;
    const { rows, linear } = fit;
    const d = rows.set.features;
    const width = d + rows.known.size;
    net.counts[at] = counts ? 1 : 0;
    if (row < 0) {
      net.resets[at] = 1;
      net.inputs.fill(0, at * width, (at + 1) * width);
      net.base.fill(0, at * d, (at + 1) * d);
      return;
    }
    net.resets[at] = rows.depth[row] === 0 ? 1 : 0;
    rows.features(row, net.inputs, at * width);
    rows.whatIsKnown(row, net.inputs, at * width + d);
    residual(rows, linear.map, row, this.line, this.error);
    for (let j = 0; j < d; j++) net.base[at * d + j] = this.error[j]! / linear.spread[j]!;
  }

  /** Gives a filled row another row's value of one feature, in what is predicted and not in what is remembered. */
  plant(at: number, { row, from, feature }: PlantedValue): void {
    const { net, fit } = this;
    const { set, standard } = fit.rows;
    const d = set.features;
    const change = (set.x[from * d + feature]! - set.x[row * d + feature]!) / standard.deviation[feature]!;
    net.base[at * d + feature]! += change / fit.linear.spread[feature]!;
  }
}
