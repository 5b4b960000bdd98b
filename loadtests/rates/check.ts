/** What is compared from run to run: shares and ratios, which a slower or a busier machine leaves alone. */
export interface Comparable {
  readonly ratios: Readonly<Record<string, number>>;
  /** of the scorer's CPU time that is saved without a part */
  readonly partShares: Readonly<Record<string, number>>;
}

export interface Recorded extends Comparable {
  readonly tolerance: Tolerance;
  /** where and with what it was recorded, for people */
  readonly recorded: Readonly<Record<string, unknown>>;
}

export interface Tolerance {
  /** a ratio may be smaller by so much of itself */
  readonly ratio: number;
  /** a part's share may be larger by so much */
  readonly share: number;
}

/**
 * Wide enough for medians of five rounds; a single round on a busy machine has missed by as much. A scorer that is a
 * sixth slower, or a part that takes twice as long as before, is beyond it.
 */
export const TOLERANCE: Tolerance = { ratio: 0.15, share: 0.06 };

/** In which ways the measured is worse than the recorded; what either lacks is not compared. */
export function worseThan(recorded: Recorded, measured: Comparable): string[] {
  const { ratio, share } = recorded.tolerance;
  const slower = Object.entries(recorded.ratios).flatMap(([name, before]) => {
    const now = measured.ratios[name];
    const least = before * (1 - ratio);
    if (now === undefined || now >= least) return [];
    return [`${name} is ${now} and was ${before}; at least ${least.toFixed(3)} is allowed`];
  });
  const dearer = Object.entries(recorded.partShares).flatMap(([name, before]) => {
    const now = measured.partShares[name];
    const most = before + share;
    if (now === undefined || now <= most) return [];
    return [
      `the part ${name} takes ${now} of the scorer’s time and took ${before}; at most ${most.toFixed(3)} is allowed`,
    ];
  });
  return [...slower, ...dearer];
}

/** How many figures a check has to go by. */
export function comparedWith(recorded: Recorded, measured: Comparable): number {
  const both = (a: object, b: object) => Object.keys(a).filter((name) => name in b).length;
  return both(recorded.ratios, measured.ratios) + both(recorded.partShares, measured.partShares);
}
