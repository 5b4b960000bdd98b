import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../../../lib/retry.js';
import type { Figures } from './collector.js';
import type { Replay } from './replay.js';
import type { View } from './view.js';

const LOOK_MS = 1000;

/** Looks at everything once a second and shows it. A look that fails is said; the parts' watchdog decides what it means. */
export function startLooking(
  collector: { collect(): Promise<Figures> },
  replay: Replay,
  view: View,
  signal: AbortSignal,
): { stop(): Promise<void> } {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const loop = async () => {
    while (!either.aborted) {
      try {
        const figures = await collector.collect();
        if (either.aborted) return;
        view.show({
          ...figures,
          phase: replay.phase(),
          elapsedSeconds: replay.seconds(),
          remainingSeconds: replay.remainingSeconds(),
        });
      } catch (error) {
        if (!either.aborted) view.say(`could not look at the services: ${reasonOf(error)}`);
      }
      await sleep(LOOK_MS, undefined, { signal: either }).catch(() => undefined);
    }
  };
  const done = loop();
  return {
    stop() {
      ending.abort();
      return done;
    },
  };
}
