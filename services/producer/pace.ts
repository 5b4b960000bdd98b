import { setTimeout as sleep } from 'node:timers/promises';

/** Events a second, or as fast as the group that reads them allows. */
export type Rate = number | 'lag';

/** How often a paced stream sends: smooth to the eye, and few requests at high rates. */
const TICK_MS = 100;
/** A wait is cut into pieces, so that a new rate takes effect soon. */
const LONGEST_WAIT_MS = 250;
/** After a hold-up a stream catches up with its schedule by so much at most. */
const CATCH_UP_MS = 1_000;

/** Keeps a stream to a schedule: the n-th event is due at n / rate, however long sending took. */
export class Pace {
  private since: number;
  private sent = 0;

  constructor(
    private rate: Rate,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.since = now();
    this.set(rate);
  }

  set(rate: Rate): void {
    if (rate !== 'lag' && !(rate > 0 && Number.isFinite(rate))) {
      throw new RangeError(`the rate is ${rate}: give events per second above 0, or 'lag'`);
    }
    this.rate = rate;
    this.since = this.now();
    this.sent = 0;
  }

  /** How many events to send at a time. */
  group(most: number): number {
    if (this.rate === 'lag') return most;
    return Math.max(1, Math.min(most, Math.round((this.rate * TICK_MS) / 1000)));
  }

  /** Waits until the next events are due, then counts them as sent. */
  async due(events: number, signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      if (this.rate === 'lag') return;
      const wait = this.since + (this.sent / this.rate) * 1000 - this.now();
      if (wait <= 0) {
        if (wait < -CATCH_UP_MS) this.since -= wait + CATCH_UP_MS;
        this.sent += events;
        return;
      }
      await sleep(Math.min(wait, LONGEST_WAIT_MS), undefined, { signal });
    }
  }
}
