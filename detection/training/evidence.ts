import type { TrainingSet } from '../contract.js';
import type { Random } from './random.js';

/**
 * How much of a network a model uses, and what the model counts among the others, is decided by evidence: faults
 * planted in rows held out in time. A planted fault gives one feature the value of another held-out row of its
 * domain. By itself the value is as usual as any; only what features have to do with each other, or with the past,
 * is broken. The linear part, the network at half its weight and the whole network each find some of these faults while
 * a hundredth of the unharmed rows pass, and the least share that finds as many as the best is taken: a network that
 * adds nothing has share 0 and leaves its linear twin.
 */
export interface PlantedValue {
  readonly row: number;
  readonly feature: number;
  /** the row that the value comes from */
  readonly from: number;
}

export const SHARES = [0, 0.5, 1] as const;
/** shares of the unharmed rows that may pass where planted faults are counted */
const PASSING = [0.005, 0.01, 0.02];
/** part of the planted faults that a network must find beyond its linear twin's: what 2,000 rows leave to chance; fewer leave more */
const LEAST_GAIN = 0.01;
const LEAST_WEIGHT = 0.1;
const PLANTED = 2000;
const ROUNDS = 20;
const TRIES = 20;

/**
 * About 2,000 faults in the rows, in rounds of one a row; a row whose domain never shows another value is left out.
 */
export function plantValues(set: TrainingSet, held: Int32Array, random: Random): PlantedValue[][] {
  const step = Math.ceil(held.length / PLANTED);
  const rounds = Math.min(ROUNDS, Math.max(1, Math.floor(PLANTED / Math.max(1, held.length))));
  return Array.from({ length: rounds }, () => {
    const planted: PlantedValue[] = [];
    for (let place = 0; place < held.length; place += step) {
      const row = held[place]!;
      for (let tries = 0; tries < TRIES; tries++) {
        const feature = random.below(set.features);
        const from = held[random.below(held.length)]!;
        if (set.domains[from] !== set.domains[row]) continue;
        if (set.x[from * set.features + feature] === set.x[row * set.features + feature]) continue;
        planted.push({ row, feature, from });
        break;
      }
    }
    return planted;
  });
}

/** Scores of the rows that faults were planted in, unharmed and with each round's faults. */
export function plantedScores(
  rounds: readonly (readonly PlantedValue[])[],
  scores: (rows: Int32Array, planted?: readonly PlantedValue[]) => Float32Array,
): Scores {
  const rowsOf = (planted: readonly PlantedValue[]) => Int32Array.from(planted, ({ row }) => row);
  return {
    normal: scores(rowsOf(rounds[0]!)),
    planted: Float32Array.from(rounds.flatMap((planted) => [...scores(rowsOf(planted), planted)])),
  };
}

interface Scores {
  readonly normal: Float32Array;
  readonly planted: Float32Array;
}

export interface Evidence<Fit> {
  readonly fit: Fit;
  readonly figures: Readonly<Record<string, number>>;
}

/** The least share whose fit tells planted rows from the same rows unharmed as well as the best one does. */
export function weighed<Fit>(
  fitWith: (share: number) => Fit,
  scores: (fit: Fit) => Scores,
  shares: readonly number[] = SHARES,
): Evidence<Fit> {
  const tried = shares.map((share) => {
    const fit = fitWith(share);
    const { normal, planted } = scores(fit);
    return { share, fit, rows: normal.length, found: foundOf(normal, planted) };
  });
  const best = Math.max(...tried.map(({ found }) => found));
  const least = LEAST_GAIN * Math.sqrt(Math.max(1, PLANTED / Math.max(1, tried[0]!.rows)));
  // NaN: nothing could be planted, and the held-out loss, which the network lowered, stays the only evidence
  const chosen = tried.find(({ found, share }) => found >= best - (share === 0 ? least : 0)) ?? tried.at(-1)!;
  return {
    fit: chosen.fit,
    figures: {
      share: chosen.share,
      ...(Number.isNaN(best) ? {} : { plantedFound: chosen.found, plantedFoundLinear: tried[0]!.found }),
    },
  };
}

/** Part of the planted rows above what a hundredth of the unharmed rows pass; a mean over half and twice that. */
function foundOf(normal: Float32Array, planted: Float32Array): number {
  const sorted = normal.slice().sort();
  const parts = PASSING.map((share) => {
    const threshold = sorted[Math.ceil((1 - share) * sorted.length) - 1]!;
    return planted.filter((score) => score > threshold).length / planted.length;
  });
  return parts.reduce((sum, part) => sum + part, 0) / parts.length;
}

/**
 * What each model's surprise counts among those of its group: how many planted faults it finds against the best of
 * them, squared. One that finds none keeps a small part, since other faults than these come too.
 */
export function groupWeights(found: readonly (number | undefined)[]): number[] {
  const best = Math.max(0, ...found.map((one) => one ?? 0));
  return found.map((one) =>
    one === undefined || best === 0 ? 1 : Math.max(LEAST_WEIGHT, (one / best) ** 2),
  );
}
