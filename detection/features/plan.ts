import type { BlockLayout } from '../state/slab.js';
import {
  activityOp,
  calendarOp,
  categoryOp,
  changeOp,
  type FeatureOp,
  gapOp,
  habitOp,
  valueOp,
} from './ops.js';
import type { FeatureInfo, FeatureSpec, NumberSpec } from './spec.js';

export interface PlannedOp {
  readonly op: FeatureOp;
  /** first column of the feature matrix that the op fills */
  readonly column: number;
}

/** A feature specification made ready to run: columns in order, and what state each op needs. */
export interface FeaturePlan {
  readonly spec: FeatureSpec;
  readonly numbers: readonly NumberSpec[];
  readonly categories: readonly string[];
  /** indices of the numbers that are instruments of their own */
  readonly sensors: readonly number[];
  readonly ops: readonly PlannedOp[];
  readonly features: readonly FeatureInfo[];
  readonly entityBlocks: readonly BlockLayout[];
  readonly domainBlocks: readonly BlockLayout[];
}

export function planFeatures(spec: FeatureSpec): FeaturePlan {
  const ops: FeatureOp[] = [];
  spec.numbers.forEach((number, index) => {
    ops.push(valueOp(number, index));
    if (number.habit) ops.push(habitOp(number, index));
    if (number.change) ops.push(changeOp(number, index));
  });
  spec.categories.forEach((field, index) => {
    ops.push(categoryOp(field, index));
  });
  if (spec.calendar) ops.push(calendarOp());
  if (spec.gap) ops.push(gapOp());
  if (spec.activity.length > 0) ops.push(activityOp(spec.activity));

  const planned: PlannedOp[] = [];
  const features: FeatureInfo[] = [];
  for (const op of ops) {
    planned.push({ op, column: features.length });
    features.push(...op.features);
  }
  if (features.length === 0)
    throw new RangeError(
      'a pipeline needs at least one feature: declare numbers, categories, calendar, gap or activity',
    );
  const blocks = (floats: 'entityFloats' | 'domainFloats') =>
    ops.filter((op) => op[floats] > 0).map((op) => ({ name: op.name, size: op[floats] }));
  return {
    spec,
    numbers: spec.numbers,
    categories: spec.categories,
    sensors: spec.numbers.flatMap((number, index) => (number.sensor ? [index] : [])),
    ops: planned,
    features,
    entityBlocks: blocks('entityFloats'),
    domainBlocks: blocks('domainFloats'),
  };
}
