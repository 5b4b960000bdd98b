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

  /** Lets the sums fade over the gap before an event, and writes them from `at` on. */
  read(state: StateBlock, slot: number, gap: number, out: Float32Array, at: number): void {
    const from = slot * state.stride + state.offset;
    for (let i = 0; i < HALF_LIVES.length; i++) {
      const before = state.data[from + i]!;
      // Most entities are above suspicion, and nothing fades to nothing.
      const faded =
        before === 0 || Number.isNaN(gap) ? 0 : before * halved(gap / (HALF_LIVES[i]! * DAY_SECONDS));
      state.data[from + i] = faded;
      out[at + i] = faded;
    }
  }

  /** Adds what the event itself was. */
  add(state: StateBlock, slot: number, surprise: number): void {
    if (!(surprise > FROM)) return;
    const from = slot * state.stride + state.offset;
    const step = Math.min(MOST, surprise - FROM);
    for (let i = 0; i < HALF_LIVES.length; i++) state.data[from + i] = state.data[from + i]! + step;
  }
}
