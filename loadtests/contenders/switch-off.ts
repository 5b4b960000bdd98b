import type { Detector } from '../../detection/contract.js';
import { Autoencoder } from '../../detection/detectors/autoencoder.js';
import { Margins } from '../../detection/detectors/margins.js';
import { MemoryDetector } from '../../detection/detectors/memory.js';
import { Sequence } from '../../detection/detectors/sequence.js';
import { PartitionScorer, type ScoredBatch } from '../../detection/scoring.js';
import { SWITCHED_OFF } from './switch-off-names.js';

/**
 * Loaded into a scorer before it starts (`node --import`): takes out the part that the variable names. The product
 * knows nothing of it.
 */
const DETECTORS: Record<string, { prototype: Detector }> = {
  autoencoder: Autoencoder,
  sequence: Sequence,
  margins: Margins,
  memory: MemoryDetector,
};

const part = process.env[SWITCHED_OFF] ?? '';
const detector = DETECTORS[part];
if (detector !== undefined) detector.prototype.score = sayNothing;
else if (part === 'judging') PartitionScorer.prototype.score = detectAlone;
else if (part === 'scoring') PartitionScorer.prototype.score = scoreNothing;
else throw new Error(`${SWITCHED_OFF} is '${part}', which is no part that can be switched off`);

/** Without the detector's own work; its column is judged as ever. */
function sayNothing(batch: { readonly size: number }, _state: unknown, out: Float32Array): void {
  out.fill(0, 0, batch.size);
}

function detectAlone(this: PartitionScorer, columns: Parameters<PartitionScorer['score']>[0]): ScoredBatch {
  this.detect(columns);
  return nothingIn(columns.size);
}

function scoreNothing(this: PartitionScorer, columns: Parameters<PartitionScorer['score']>[0]): ScoredBatch {
  return nothingIn(columns.size);
}

let zeros = new Float32Array(0);

function nothingIn(size: number): ScoredBatch {
  if (zeros.length < 16 * size) zeros = new Float32Array(16 * size);
  return {
    size,
    surprise: zeros,
    firstSurprise: zeros,
    detectorSurprise: zeros,
    flagged: [],
    failed: [],
  };
}
