import type { Contribution } from '../contract.js';

export type Direction = Contribution['direction'];

/** One reason of a risk, in the reader's units; the shape of a reason in a risk record. */
export interface Reason {
  readonly feature: string;
  /** the event field it is about, '' for none */
  readonly field: string;
  readonly detector: string;
  readonly observed: number | null;
  readonly expected: number | null;
  readonly unit: string;
  readonly direction: Direction;
  readonly share: number;
}

/** A feature or sensor of one row, as a person would name it. */
export interface Described {
  readonly feature: string;
  readonly field: string;
  readonly unit: string;
  /** the row's value in `unit`; NaN when it is missing or has no number */
  readonly observed: number;
  /** from the space's own scale (a normalised feature, a raw sensor) to `unit` */
  toUnit(value: number): number;
}

export type Describe = (space: Contribution['space'], index: number) => Described;

/** What one detector says about the row, and how surprised it was. */
export interface Opinion {
  readonly detector: string;
  readonly surprise: number;
  readonly contributions: readonly Contribution[];
}

const finite = (value: number): number | null => (Number.isFinite(value) ? value : null);

/** how much more a suspect's share counts */
const SUSPECTED = 3;

/**
 * Merges the detectors' contributions into reasons, strongest first. Each detector speaks with the weight of
 * its surprise. What several say about one field is one reason: shares add up, and the words (expected value,
 * direction) are those of the strongest speaker that has an expected value.
 * @param suspects fields that are odd in a way which no detector scores high enough alone: they go before others that
 * explain the row as well
 */
export function reasonsOf(
  opinions: readonly Opinion[],
  describe: Describe,
  most: number,
  suspects: ReadonlySet<string> = new Set(),
): Reason[] {
  let total = 0;
  for (const { surprise } of opinions) if (surprise > 0) total += surprise;
  if (!(total > 0)) return [];
  const byField = new Map<string, { reason: Reason; strength: number; share: number }>();
  for (const opinion of opinions) {
    if (!(opinion.surprise > 0)) continue;
    for (const contribution of opinion.contributions) {
      const described = describe(contribution.space, contribution.index);
      const suspected = suspects.has(described.field) && contribution.direction !== 'stuck';
      const share = (contribution.share * opinion.surprise * (suspected ? SUSPECTED : 1)) / total;
      if (!(share > 0)) continue;
      const reason: Reason = {
        feature: described.feature,
        field: described.field,
        detector: opinion.detector,
        observed: finite(described.observed),
        expected: finite(described.toUnit(contribution.expected)),
        unit: described.unit,
        direction: contribution.direction,
        share,
      };
      // what is about no field is one thing by its first part: hour.sin and hour.cos
      const key = described.field === '' ? ` ${described.feature.split('.', 1)[0]}` : described.field;
      const before = byField.get(key);
      const strength = reason.expected === null && reason.direction !== 'missing' ? share / 4 : share;
      if (before === undefined) byField.set(key, { reason, strength, share });
      else {
        before.share += share;
        if (strength > before.strength) Object.assign(before, { reason, strength });
      }
    }
  }
  const sum = [...byField.values()].reduce((all, { share }) => all + share, 0);
  return [...byField.values()]
    .sort((a, b) => b.share - a.share || (a.reason.feature < b.reason.feature ? -1 : 1))
    .slice(0, most)
    .map(({ reason, share }) => ({ ...reason, share: share / Math.max(1, sum) }));
}
