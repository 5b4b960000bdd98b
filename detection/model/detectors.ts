import type { Detector, Weights } from '../contract.js';
import { Autoencoder } from '../detectors/autoencoder.js';
import { Margins } from '../detectors/margins.js';
import { MemoryDetector } from '../detectors/memory.js';
import { SensorChecks } from '../detectors/sensor-checks.js';
import { Sequence } from '../detectors/sequence.js';
import { Stuck } from '../detectors/stuck.js';
import type { Tf } from '../detectors/tensor-io.js';
import type { FeaturePlan } from '../features/plan.js';
import type { DetectorSettings } from './detector-settings.js';
import { weightsOf } from './weights.js';

/** The detectors that need no training: they also score alone when a model fails, and are the bar that it has to beat. */
export function untrainedDetectors(settings: DetectorSettings, plan: FeaturePlan): Detector[] {
  const sensors = plan.sensors.length;
  if (sensors === 0) return [];
  const detectors: Detector[] = [];
  if (settings.memory !== undefined) {
    detectors.push(
      new MemoryDetector({
        sensors,
        size: settings.memory.size,
        log: plan.sensors.map((index) => plan.numbers[index]!.log === true),
      }),
    );
  }
  if (settings.checks !== undefined)
    detectors.push(new SensorChecks({ sensors, intervalSeconds: settings.checks.intervalSeconds }));
  return detectors;
}

/** All detectors of a model, in the order that its judging was fitted with. */
export function buildDetectors(
  settings: DetectorSettings,
  weights: Weights,
  plan: FeaturePlan,
  tf: Tf,
): Detector[] {
  const detectors: Detector[] = [];
  if (settings.autoencoder !== undefined)
    detectors.push(Autoencoder.fromWeights(weightsOf(weights, 'autoencoder'), tf));
  if (settings.sequence !== undefined)
    detectors.push(Sequence.fromWeights(weightsOf(weights, 'sequence'), tf));
  if (settings.margins !== undefined) detectors.push(Margins.fromWeights(weightsOf(weights, 'margins')));
  if (settings.stuck !== undefined) detectors.push(Stuck.fromWeights(weightsOf(weights, 'stuck')));
  return [...detectors, ...untrainedDetectors(settings, plan)];
}

/** How detectors take part in the judging; the same in training and in scoring. */
export function judgedAs(
  detectors: readonly Pick<Detector, 'name' | 'group' | 'nominal' | 'emphasis' | 'weight'>[],
): { name: string; group: string; nominal: boolean; emphasis: number; weight: number }[] {
  return detectors.map(({ name, group, nominal, emphasis = 1, weight = 1 }) => ({
    name,
    group,
    nominal: nominal === true,
    emphasis,
    weight,
  }));
}

/** Only what the joint models see is smoothed: a shift that stays. The others keep what lasts in their own state. */
export function smoothedOf(detectors: readonly Pick<Detector, 'group'>[]): boolean[] {
  return detectors.map(({ group }) => group === 'joint');
}
