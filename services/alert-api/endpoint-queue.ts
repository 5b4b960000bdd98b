import { parseRetryAfter, waitAfter } from '../../alerting/retry-schedule.js';
import { type Breaker, BreakerOpenError, type BreakerState, createBreaker } from '../../lib/breaker.js';
import type { WebhookResult } from '../../lib/webhook-http.js';
import { errorOf, isUnhealthy, type PlacedDelivery, verdictOf } from './delivery.js';
import { DueHeap } from './due-heap.js';

export interface QueueOptions {
  /** requests at once to one endpoint */
  concurrency: number;
  /** milliseconds between tries, the first of them after the first failure */
  waits: readonly number[];
  breaker: { minimumCalls: number; windowMs: number; resetMs: number };
}

export interface QueueDeps {
  post(one: PlacedDelivery): Promise<WebhookResult>;
  /** resolves when the record is acked, or when there is no more use in trying (ownership lost, stopping) */
  save(one: PlacedDelivery): Promise<void>;
  /** is this partition still ours? */
  owns(partition: number): boolean;
  onDone(one: PlacedDelivery): void;
  onFailedAttempt(one: PlacedDelivery): void;
  /** the receiver answered 410 Gone */
  onGone(): void;
  onBreaker(state: BreakerState): void;
  now(): number;
  random(): number;
}

const MOST_UNSAVED = 64;

/** A timer can't wait longer than this. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The deliveries of one endpoint, sent with bounded concurrency behind its own breaker. Changes of one incident go
 * out in their order: the next waits until the one before is done or parked. Nothing here waits for another endpoint.
 */
export class EndpointQueue {
  /** by incident, ordered by change; the first of each is in the heap or in flight */
  readonly #lanes = new Map<string, PlacedDelivery[]>();
  readonly #due = new DueHeap<PlacedDelivery>();
  readonly #breaker: Breaker<WebhookResult>;
  #inFlight = 0;
  /** answered, but the record isn't acked yet: no load on the endpoint any more, but not endless either */
  #unsaved = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    name: string,
    private readonly options: QueueOptions,
    private readonly deps: QueueDeps,
  ) {
    this.#breaker = createBreaker<WebhookResult>({
      name,
      isFailure: isUnhealthy,
      ...options.breaker,
      onChange: (state) => {
        deps.onBreaker(state);
        this.#pump();
      },
    });
  }

  get breakerState(): BreakerState {
    return this.#breaker.state;
  }

  get size(): number {
    let size = 0;
    for (const lane of this.#lanes.values()) size += lane.length;
    return size;
  }

  add(one: PlacedDelivery): void {
    if (this.#stopped) return;
    const lane = this.#lanes.get(one.delivery.incident);
    if (!lane) {
      this.#lanes.set(one.delivery.incident, [one]);
      this.#due.push(one.delivery.nextAttemptAt, one);
    } else if (!lane.some((other) => other.delivery.id === one.delivery.id)) {
      // The first is scheduled already, so the newcomer takes its place among those behind it.
      const at = lane.findIndex((other, index) => index > 0 && other.delivery.change > one.delivery.change);
      lane.splice(at < 0 ? lane.length : at, 0, one);
    }
    this.#pump();
  }

  /** Takes out and returns what `which` names. What of it is in flight goes on, and is recorded if it succeeds. */
  remove(which: (one: PlacedDelivery) => boolean): PlacedDelivery[] {
    const removed: PlacedDelivery[] = [];
    for (const [incident, lane] of this.#lanes) {
      const kept = lane.filter((one) => !which(one));
      if (kept.length === lane.length) continue;
      removed.push(...lane.filter(which));
      if (kept.length === 0) this.#lanes.delete(incident);
      else {
        this.#lanes.set(incident, kept);
        if (kept[0] !== lane[0]) this.#due.push(kept[0]!.delivery.nextAttemptAt, kept[0]!);
      }
    }
    return removed;
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#breaker.stop();
    this.#lanes.clear();
  }

  #pump(): void {
    clearTimeout(this.#timer);
    while (!this.#stopped && this.#inFlight < this.options.concurrency && this.#unsaved < MOST_UNSAVED) {
      const head = this.#due.peek();
      if (!head) return;
      // What was removed stays in the heap until its turn comes.
      if (this.#lanes.get(head.value.delivery.incident)?.[0] !== head.value) {
        this.#due.pop();
        continue;
      }
      const wait = head.due - this.deps.now();
      if (wait > 0) {
        this.#timer = setTimeout(() => this.#pump(), Math.min(wait, LONGEST_TIMER));
        return;
      }
      // An open breaker spends no attempt: its change of state pumps again.
      if (!this.#breaker.ready) return;
      this.#due.pop();
      void this.#attempt(head.value).finally(() => this.#pump());
    }
  }

  async #attempt(one: PlacedDelivery): Promise<void> {
    const result = await this.#post(one);
    if (!result) return;
    this.#unsaved += 1;
    this.#pump();
    try {
      await this.#record(one, result);
    } finally {
      this.#unsaved -= 1;
    }
  }

  /** undefined when the breaker let nothing through: no attempt was spent */
  async #post(one: PlacedDelivery): Promise<WebhookResult | undefined> {
    this.#inFlight += 1;
    try {
      return await this.#breaker.call(() => this.deps.post(one));
    } catch (error) {
      if (this.#stopped) return undefined;
      if (!(error instanceof BreakerOpenError)) throw error;
      this.#due.push(this.deps.now(), one);
      return undefined;
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #record(one: PlacedDelivery, result: WebhookResult): Promise<void> {
    const after = this.#after(one, result);
    if (after.delivery.state === 'pending') {
      this.deps.onFailedAttempt(after);
      // Taken out meanwhile: whoever did so decides what its record says.
      if (this.#lanes.get(one.delivery.incident)?.[0] !== one) return;
      await this.deps.save(after);
      this.#replace(one, after);
      return;
    }
    // A delivery is done when its record is acked; until then a restart would send it again, under the same id.
    if (after.delivery.state === 'succeeded' || this.deps.owns(one.partition)) await this.deps.save(after);
    this.deps.onDone(after);
    this.#next(one);
    if (verdictOf(result) === 'gone') this.deps.onGone();
  }

  #after(one: PlacedDelivery, result: WebhookResult): PlacedDelivery {
    const now = this.deps.now();
    const attempts = one.delivery.attempts + 1;
    const attempt = {
      ...one.delivery,
      attempts,
      updatedAt: now,
      lastStatus: result.kind === 'answer' ? result.status : 0,
      lastError: errorOf(result),
      durationMs: result.durationMs,
    };
    const verdict = verdictOf(result);
    if (verdict === 'succeeded') return { ...one, delivery: { ...attempt, state: 'succeeded' } };
    if (verdict === 'gone') return { ...one, delivery: { ...attempt, state: 'dropped' } };
    const asked = result.kind === 'answer' ? parseRetryAfter(result.retryAfter, now) : 0;
    const wait = waitAfter(attempts, this.deps.random(), asked, this.options.waits);
    if (wait === undefined) return { ...one, delivery: { ...attempt, state: 'parked' } };
    return { ...one, delivery: { ...attempt, nextAttemptAt: now + wait } };
  }

  #replace(before: PlacedDelivery, after: PlacedDelivery): void {
    const lane = this.#lanes.get(before.delivery.incident);
    if (lane?.[0] !== before) return;
    lane[0] = after;
    this.#due.push(after.delivery.nextAttemptAt, after);
  }

  #next(done: PlacedDelivery): void {
    const lane = this.#lanes.get(done.delivery.incident);
    if (lane?.[0] !== done) return;
    lane.shift();
    const [head] = lane;
    if (head) this.#due.push(head.delivery.nextAttemptAt, head);
    else this.#lanes.delete(done.delivery.incident);
  }
}
