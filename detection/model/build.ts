import type { Weights } from '../contract.js';
import type { Tf } from '../detectors/tensor-io.js';
import { weight } from '../detectors/weights.js';
import type { FeaturePlan } from '../features/plan.js';
import { TAIL_PRIOR_SIZE } from '../judging/tail-prior.js';
import type { ScoringModel } from '../scoring.js';
import type { DetectorSettings } from './detector-settings.js';
import { buildDetectors } from './detectors.js';
import type { Manifest } from './manifest.js';

/**
 * A scoring model from a package's manifest and weights.
 * @throws TypeError when the package was made for other features than `plan` has
 */
export function buildModel(manifest: Manifest, weights: Weights, plan: FeaturePlan, tf: Tf): ScoringModel {
  const names = plan.features.map((feature) => feature.name);
  if (manifest.features.join() !== names.join()) {
    throw new TypeError(
      `it was trained on the features ${manifest.features.join(', ')} and the pipeline has ${names.join(', ')}; train it again`,
    );
  }
  const rows = manifest.domains.length + 1;
  const priors = weight(weights, 'priors', [null, TAIL_PRIOR_SIZE]);
  return {
    id: manifest.id,
    plan,
    scales: {
      domains: manifest.domains,
      centres: weight(weights, 'scales/centres', [rows, names.length]),
      scales: weight(weights, 'scales/scales', [rows, names.length]),
      features: names.length,
    },
    detectors: buildDetectors(manifest.detectors as DetectorSettings, weights, plan, tf),
    lambdas: [...weight(weights, 'lambdas', [null])].map((value) => Math.round(value * 1e6) / 1e6),
    ordinary: [...weight(weights, 'ordinary', [null])],
    priors: Array.from({ length: priors.length / TAIL_PRIOR_SIZE }, (_, i) =>
      priors.slice(i * TAIL_PRIOR_SIZE, (i + 1) * TAIL_PRIOR_SIZE),
    ),
    domainState: weight(weights, 'domainState', [rows, null]),
    eventsPerDay: manifest.judging.eventsPerDay,
  };
}
