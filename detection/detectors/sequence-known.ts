import type { Weights } from '../contract.js';
import { ln } from '../features/fast-math.js';
import { sizeOf, weight } from './weights.js';

/**
 * What is known of an event before its values are: where in the day and week it falls, how long after the
 * entity's event before, which domain it belongs to, and whether it is the entity's first or second one.
 */
export class Known {
  readonly size: number;
  private readonly dimensions: number;
  private readonly table = new Float32Array(168 * 4 * 4);

  constructor(
    /** weights of the daily and the weekly cycle: 0 where training saw less than two of them */
    readonly cycles: Float32Array,
    /** mean and deviation of the logarithm of the gap in seconds */
    readonly gap: Float32Array,
    /** domains x dimensions */
    readonly embedding: Float32Array,
    readonly domains: number,
  ) {
    this.dimensions = domains > 0 ? embedding.length / domains : 0;
    this.size = 5 + this.dimensions + 2;
    for (let quarter = 0; quarter < 672; quarter++) {
      const day = (2 * Math.PI * (quarter + 0.5)) / 96;
      const values = [Math.sin(day), Math.cos(day), Math.sin(day / 7), Math.cos(day / 7)];
      for (let i = 0; i < 4; i++) this.table[quarter * 4 + i] = values[i]! * cycles[i >> 1]!;
    }
  }

  static fromWeights(weights: Weights): Known {
    const domains = sizeOf(weights, 'embedding', 0);
    return new Known(
      weight(weights, 'cycles', [2]),
      weight(weights, 'gap', [2]),
      weight(weights, 'embedding', [domains, null]),
      domains,
    );
  }

  toWeights(): Weights {
    return {
      cycles: { shape: [2], data: this.cycles },
      gap: { shape: [2], data: this.gap },
      embedding: { shape: [this.domains, this.dimensions], data: this.embedding },
    };
  }

  /** place of the indicator of an entity's first (0) or second (1) event */
  flag(age: 0 | 1): number {
    return this.size - 2 + age;
  }

  /** `seen` events of the entity came before, 2 for more */
  write(out: Float32Array, at: number, hourOfWeek: number, gap: number, domain: number, seen: number): void {
    const { table, embedding, dimensions } = this;
    const quarter = hourOfWeek >= 0 && hourOfWeek < 168 ? ((hourOfWeek * 4) | 0) * 4 : 0;
    out[at] = table[quarter]!;
    out[at + 1] = table[quarter + 1]!;
    out[at + 2] = table[quarter + 2]!;
    out[at + 3] = table[quarter + 3]!;
    out[at + 4] = this.gapValue(gap);
    const known = domain >= 0 && domain < this.domains;
    for (let i = 0; i < dimensions; i++) out[at + 5 + i] = known ? embedding[domain * dimensions + i]! : 0;
    out[at + 5 + dimensions] = seen === 0 ? 1 : 0;
    out[at + 6 + dimensions] = seen === 1 ? 1 : 0;
  }

  private gapValue(gap: number): number {
    if (!(gap >= 0) || gap === Number.POSITIVE_INFINITY) return 0;
    const value = (ln(gap + 0.001) - this.gap[0]!) / this.gap[1]!;
    return value > 5 ? 5 : Math.max(value, -5);
  }
}
