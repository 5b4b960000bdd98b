import type { FeatureInfo } from '../features/spec.js';
import { SUSPICION_NAMES } from './suspicion.js';

/** What an event's vector is made of, in this order: surprises (the whole's, then each detector's), features, suspicion, labels. */
export interface VectorLayout {
  readonly detectors: readonly string[];
  readonly features: readonly FeatureInfo[];
  /** names of the label features, see LabelBook.names */
  readonly labels: readonly string[];
}

/** One input of the logistic model: a function of one element of the vector. */
interface Term {
  readonly from: number;
  readonly kind: 'line' | 'hinge' | 'step';
  readonly at: number;
}

const SURPRISE_KNOTS = [0.5, 1, 1.5, 2, 2.5, 3, 4];
const AMOUNT_KNOTS = [0.5, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 6, 8];
/** where a number itself may have an edge, as a limit is one: closer together, since a step has no slope to go by */
const EDGES = [0.5, 1, 1.5, 2, 2.25, 2.5, 2.75, 3, 3.25, 3.5, 3.75, 4, 4.25, 4.5, 4.75, 5, 5.5, 6, 7, 8];
const ODDS_KNOTS = [-1, -0.5, 0, 0.5, 1];

/**
 * From an event's vector to the inputs of the logistic model. A number that may go wrong on one side only is given as
 * a line that may bend (hinges) and jump (steps) at fixed places of its scale, so that the linear model can find an
 * edge where the labels show one.
 */
export class Inputs {
  /** floats of an event's vector */
  readonly vector: number;
  /** inputs of the model, the last one the constant */
  readonly size: number;
  /** by element of the vector */
  readonly names: readonly string[];
  readonly #terms: readonly Term[];

  constructor({ detectors, features, labels }: VectorLayout) {
    this.names = [
      'surprise',
      ...detectors.map((name) => `surprise:${name}`),
      ...features.map(({ name }) => name),
      ...SUSPICION_NAMES,
      ...labels,
    ];
    this.vector = this.names.length;
    const terms: Term[] = [];
    const bend = (from: number, knots: readonly number[], steps: readonly number[]) => {
      terms.push({ from, kind: 'line', at: 0 });
      for (const at of knots) terms.push({ from, kind: 'hinge', at });
      for (const at of steps) terms.push({ from, kind: 'step', at });
    };
    for (let i = 0; i <= detectors.length; i++) bend(i, SURPRISE_KNOTS, []);
    features.forEach(({ kind }, index) => {
      const from = 1 + detectors.length + index;
      const number = kind === 'value' || kind === 'habit' || kind === 'ratio';
      const steps = kind === 'value' ? EDGES : [];
      bend(from, number ? AMOUNT_KNOTS : [], steps);
    });
    const suspicionAt = 1 + detectors.length + features.length;
    SUSPICION_NAMES.forEach((_, i) => {
      bend(suspicionAt + i, SURPRISE_KNOTS, []);
    });
    const labelsAt = suspicionAt + SUSPICION_NAMES.length;
    labels.forEach((name, index) => {
      const odds = name.endsWith('.oddsOfSpell');
      bend(labelsAt + index, odds ? ODDS_KNOTS : [], []);
    });
    this.#terms = terms;
    this.size = terms.length + 1;
  }

  /** Writes `size` inputs of the vector at vectors[at..]. */
  expand(vectors: Float32Array, at: number, out: Float32Array): void {
    const terms = this.#terms;
    for (let i = 0; i < terms.length; i++) {
      const { from, kind, at: knot } = terms[i]!;
      const value = vectors[at + from]!;
      if (kind === 'step') out[i] = value > knot ? 1 : 0;
      else if (kind === 'hinge') out[i] = value > knot ? Math.min(4, value - knot) : 0;
      else out[i] = Math.max(-4, Math.min(4, value));
    }
    out[terms.length] = 1;
  }

  /** element of the vector that input `i` comes from; -1 for the constant */
  elementOf(i: number): number {
    return this.#terms[i]?.from ?? -1;
  }
}
