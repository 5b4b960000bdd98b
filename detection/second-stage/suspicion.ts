import type { StateBlock } from '../contract.js';
import { halved } from '../features/fast-math.js';

/** half-lives in days */
const HALF_LIVES = [2, 5];
/** events at least so surprising leave suspicion, by what they lie above it, at most MOST */
const FROM = 1;
const MOST = 3;
const DAY_SECONDS = 86_400;

export const SUSPICION_NAMES = HALF_LIVES.map((days) => `suspicion.${days}d`);

/**
 * How suspicious an entity has made itself of late, without any label: sums of its past events' surprises that fade.
 * A card in a thief's hands is used more than once.
 */
export class Suspicion {
  readonly stateSize = HALF_LIVES.length;

  /**
   * Lets the sums fade over the gap before an event and writes them to `out`; then adds what the event itself is.
   * @param gap seconds, NaN before an entity's first event
   */
  pass(
    { data, stride, offset }: StateBlock,
    slot: number,
    gap: number,
    surprise: number,
    out: Float32Array,
  ): void {
    const from = slot * stride + offset;
    const step = surprise > FROM ? Math.min(MOST, surprise - FROM) : 0;
    for (let i = 0; i < HALF_LIVES.length; i++) {
      const before = data[from + i]!;
      // Most entities are above suspicion, and nothing fades to nothing.
      if (before === 0 && step === 0) {
        out[i] = 0;
        continue;
      }
      out[i] = before === 0 || Number.isNaN(gap) ? 0 : before * halved(gap / (HALF_LIVES[i]! * DAY_SECONDS));
      data[from + i] = out[i]! + step;
    }
  }
}
