import { median } from '../statistics.js';

export interface MemoryLook {
  /** minutes since the load began */
  readonly minutes: number;
  readonly bytes: number;
}

export interface MemoryGrowth {
  /** when the first figure was taken, minutes since the load began */
  readonly fromMinute: number;
  readonly from: number;
  readonly to: number;
  readonly most: number;
  /** of the first figure */
  readonly growth: number;
}

/** Memory settles while caches fill, and entities are met for the first time. */
const SETTLED_MINUTES = 5;
/** each figure is a median over so long: a garbage collection more or less moves a single look */
const MINUTES = 0.5;

/** Memory once settled (after five minutes, or a sixth of a shorter run) and at the end. Needs looks at both. */
export function memoryGrowth(looks: readonly MemoryLook[]): MemoryGrowth {
  const end = looks[looks.length - 1]?.minutes ?? Number.NaN;
  const fromMinute = Math.min(SETTLED_MINUTES, end / 6);
  const between = (low: number, high: number) =>
    median(looks.filter(({ minutes }) => minutes >= low && minutes <= high).map(({ bytes }) => bytes));
  const from = between(fromMinute, fromMinute + MINUTES);
  const to = between(end - MINUTES, end);
  const settled = looks.filter(({ minutes }) => minutes >= fromMinute);
  return {
    fromMinute,
    from,
    to,
    most: Math.max(...settled.map(({ bytes }) => bytes)),
    growth: to / from - 1,
  };
}
