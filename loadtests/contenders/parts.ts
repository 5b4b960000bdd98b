import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageRoot } from '../../lib/paths.js';
import { changedDefinition } from '../processes/definitions.js';
import type { ScorerVariant } from './scorer.js';
import { SWITCHED_OFF } from './switch-off-names.js';

/**
 * The scorer without one of its parts, so that the difference is what the part costs. What the product has settings
 * for is set; the rest is taken out of the running process by `switch-off.ts`, which is loaded before the service.
 */
export const PARTS = {
  autoencoder: 'the autoencoder',
  sequence: 'the sequence model',
  margins: 'the tails of single features',
  memory: 'the memory of an entity’s own values',
  judging: 'calibration, budget and ranking (and all risks)',
  scoring: 'features, detectors and judging',
  labels: 'the second stage, which labels re-rank with',
  repeats: 'the check for events sent twice',
  checkpoints: 'checkpoints of the state',
  samples: 'the sampled scores',
} as const;
export type Part = keyof typeof PARTS;
export const PART_NAMES = Object.keys(PARTS) as Part[];

/** What has to be set for the scorer to run without a part. */
export function withoutPart(part: Part, folder: string): ScorerVariant {
  switch (part) {
    case 'labels':
      return { env: { RISKWIRE_PIPELINES_DIR: definitionWithout(folder, ['labels', 'secondary']) } };
    case 'repeats':
      return { env: { RISKWIRE_PIPELINES_DIR: definitionWithout(folder, ['eventId']) } };
    case 'checkpoints':
      return { env: { RISKWIRE_CHECKPOINT_INTERVAL: '1h' } };
    case 'samples':
      return { env: { RISKWIRE_SCORE_SAMPLING: '0' } };
    default:
      return {
        env: { [SWITCHED_OFF]: part },
        preload: [pathToFileURL(join(packageRoot(), 'dist/loadtests/contenders/switch-off.js')).href],
      };
  }
}

function definitionWithout(folder: string, keys: readonly string[]): string {
  return changedDefinition(join(folder, `without-${keys.join('-')}`), 'transactions', (definition) => {
    for (const key of keys) {
      if (!(key in definition)) throw new Error(`the pipeline transactions has no '${key}' to leave out`);
      delete definition[key];
    }
  });
}
