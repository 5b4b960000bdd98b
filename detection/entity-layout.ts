import type { Detector } from './contract.js';
import { AGE_BLOCK } from './features/engine.js';
import type { FeaturePlan } from './features/plan.js';
import { RECENT_FLOATS } from './features/recent-ids.js';
import { SUSPICION_NAMES } from './second-stage/suspicion.js';
import type { BlockLayout } from './state/slab.js';

export const RECENT_BLOCK = 'recent-ids';
export const BUCKET_BLOCK = 'bucket';
export const SMOOTHING_BLOCK = 'smoothing';
export const BUDGET_BLOCK = 'budget';
export const SUSPICION_BLOCK = 'suspicion';

/** Name of a detector's block. */
export function detectorBlock({ name, stateVersion = 1 }: Detector): string {
  return stateVersion === 1 ? `detector:${name}` : `detector:${name}@${stateVersion}`;
}

export interface EntityParts {
  readonly plan: FeaturePlan;
  readonly detectors: readonly Detector[];
  /** floats of the smoothing and of the budget */
  readonly smoothing: number;
  readonly budget: number;
  /** whether labels re-rank the events */
  readonly labels: boolean;
  /** whether the ids of the last events are remembered */
  readonly repeats: boolean;
}

/** What the row of an entity holds. */
export function entityLayout(parts: EntityParts): BlockLayout[] {
  return [
    ...parts.plan.entityBlocks,
    { name: AGE_BLOCK, size: 1 },
    // Detectors without state get a block of nothing, so that each has one to be called with.
    ...parts.detectors.map((detector) => ({ name: detectorBlock(detector), size: detector.stateSize })),
    { name: SMOOTHING_BLOCK, size: parts.smoothing },
    { name: BUDGET_BLOCK, size: parts.budget },
    { name: SUSPICION_BLOCK, size: parts.labels ? SUSPICION_NAMES.length : 0 },
    { name: BUCKET_BLOCK, size: 1 },
    { name: RECENT_BLOCK, size: parts.repeats ? RECENT_FLOATS : 0 },
  ];
}
