import { RateLimit } from '../../alerting/delivery-rules.js';
import { MOST_DIGESTED } from '../../alerting/digest.js';
import { parseRetryAfter, waitAfter } from '../../alerting/retry-schedule.js';
import { type Breaker, BreakerOpenError, type BreakerState, createBreaker } from '../../lib/breaker.js';
import type { WebhookResult } from '../../lib/webhook-http.js';
import { errorOf, isUnhealthy, type PlacedDelivery, verdictOf } from './delivery.js';
import { DueHeap } from './due-heap.js';

export interface QueueOptions {
  /** requests at once to one endpoint */
  concurrency: number;
  /** webhooks a minute to one endpoint; beyond, they wait and go out in digests */
  ratePerMinute: number;
  /** milliseconds between tries, the first of them after the first failure */
  waits: readonly number[];
  breaker: { minimumCalls: number; windowMs: number; resetMs: number };
}

export interface QueueDeps {
  /** Sends one delivery, or several in a digest. `digest` says how many of these fit into one. */
  post(batch: readonly PlacedDelivery[]): Promise<WebhookResult>;
  digest(candidates: readonly PlacedDelivery[]): number;
  /** resolves when the record is acked, or when there is no more use in trying (ownership lost, stopping) */
  save(one: PlacedDelivery): Promise<void>;
  /** is this partition still ours? */
  owns(partition: number): boolean;
  onDone(one: PlacedDelivery): void;
  onFailedAttempt(one: PlacedDelivery): void;
  /** an attempt was made */
  onOutcome(one: PlacedDelivery, succeeded: boolean): void;
  /** the receiver answered 410 Gone */
  onGone(one: PlacedDelivery): void;
  onBreaker(state: BreakerState): void;
  now(): number;
  random(): number;
}

const MOST_UNSAVED = 64;
/** In a storm, so many that are due go out together; fewer go one by one. */
const LEAST_DIGESTED = 5;

/** A timer can't wait longer than this. */
const LONGEST_TIMER = 2 ** 31 - 1;

/**
 * The deliveries of one endpoint, sent with bounded concurrency and rate behind its own breaker. Changes of one
 * incident go out in their order: the next waits until the one before is done or parked. When the rate is used up,
 * what waits goes out in digests. Nothing here waits for another endpoint.
 */
export class EndpointQueue {
  /** by incident, ordered by change; the first of each is in the heap or in flight */
  readonly #lanes = new Map<string, PlacedDelivery[]>();
  readonly #due = new DueHeap<PlacedDelivery>();
  readonly #breaker: Breaker<WebhookResult>;
  readonly #rate: RateLimit;
  #inFlight = 0;
  /** answered, but the record isn't acked yet: no load on the endpoint any more, but not endless either */
  #unsaved = 0;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(
    name: string,
    /** read at each use: an endpoint's limits can be changed while it has a queue */
    private readonly options: () => QueueOptions,
    private readonly deps: QueueDeps,
  ) {
    this.#rate = new RateLimit(() => this.options().ratePerMinute, deps.now());
    this.#breaker = createBreaker<WebhookResult>({
      name,
      isFailure: isUnhealthy,
      ...options().breaker,
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
    while (!this.#stopped && this.#inFlight < this.options().concurrency && this.#unsaved < MOST_UNSAVED) {
      const head = this.#head();
      if (!head) return;
      const now = this.deps.now();
      if (head.due > now) {
        this.#wake(head.due - now);
        return;
      }
      if (isExpired(head.value, now)) {
        this.#due.pop();
        void this.#expire(head.value);
        continue;
      }
      // An open breaker spends no attempt: its change of state pumps again.
      if (!this.#breaker.ready) return;
      const wait = this.#rate.take(now);
      if (wait > 0) {
        this.#wake(wait);
        return;
      }
      void this.#attempt(this.#rate.storm ? this.#gather(now) : [this.#due.pop()!]).finally(() =>
        this.#pump(),
      );
    }
  }

  /** The next that is due. What was removed stays in the heap until its turn comes. */
  #head(): { due: number; value: PlacedDelivery } | undefined {
    for (;;) {
      const head = this.#due.peek();
      if (!head || this.#lanes.get(head.value.delivery.incident)?.[0] === head.value) return head;
      this.#due.pop();
    }
  }

  #wake(wait: number): void {
    this.#timer = setTimeout(() => this.#pump(), Math.min(wait, LONGEST_TIMER));
  }

  /** What goes into a digest: whole lanes of what is due, in their order. At least the first that is due. */
  #gather(now: number): PlacedDelivery[] {
    const found: PlacedDelivery[] = [];
    const heads: PlacedDelivery[] = [];
    for (let head = this.#head(); head && head.due <= now; head = this.#head()) {
      const lane = this.#lanes.get(head.value.delivery.incident)!;
      if (heads.length > 0 && found.length + lane.length > MOST_DIGESTED) break;
      heads.push(this.#due.pop()!);
      const later = lane.findIndex((one) => one.delivery.nextAttemptAt > now);
      found.push(...(later < 0 ? lane : lane.slice(0, later)));
    }
    const fits = found.length < LEAST_DIGESTED ? 1 : Math.max(1, this.deps.digest(found));
    const batch = found.slice(0, fits);
    for (const head of heads) if (!batch.includes(head)) this.#due.push(head.delivery.nextAttemptAt, head);
    return batch;
  }

  async #expire(one: PlacedDelivery): Promise<void> {
    const now = this.deps.now();
    const lastError = `expired: its incident's severity (${one.delivery.severity}) is worth telling until ${new Date(one.delivery.expiresAt).toISOString()} only`;
    const after = {
      ...one,
      delivery: { ...one.delivery, state: 'dropped' as const, updatedAt: now, lastError },
    };
    await this.deps.save(after);
    this.#settle([[one, undefined]]);
    this.deps.onDone(after);
    this.#pump();
  }

  async #attempt(batch: readonly PlacedDelivery[]): Promise<void> {
    const result = await this.#post(batch);
    if (!result) return;
    this.#unsaved += 1;
    this.#pump();
    try {
      await this.#record(batch, result);
    } finally {
      this.#unsaved -= 1;
    }
  }

  /** undefined when the breaker let nothing through: no attempt was spent */
  async #post(batch: readonly PlacedDelivery[]): Promise<WebhookResult | undefined> {
    this.#inFlight += 1;
    try {
      return await this.#breaker.call(() => this.deps.post(batch));
    } catch (error) {
      if (this.#stopped) return undefined;
      if (!(error instanceof BreakerOpenError)) throw error;
      for (const one of batch)
        if (this.#lanes.get(one.delivery.incident)?.[0] === one) this.#due.push(this.deps.now(), one);
      return undefined;
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #record(batch: readonly PlacedDelivery[], result: WebhookResult): Promise<void> {
    const random = this.deps.random(); // what went out together is tried together again
    const [first] = batch;
    if (first) this.deps.onOutcome(first, verdictOf(result) === 'succeeded');
    const steps = await Promise.all(
      batch.map(async (one): Promise<Step> => {
        const after = this.#after(one, result, random);
        if (after.delivery.state === 'pending') {
          this.deps.onFailedAttempt(after);
          // Taken out meanwhile: whoever did so decides what its record says.
          if (this.#lanes.get(one.delivery.incident)?.includes(one)) await this.deps.save(after);
          return [one, after];
        }
        // A delivery is done when its record is acked; until then a restart would send it again, under the same id.
        if (after.delivery.state === 'succeeded' || this.deps.owns(one.partition))
          await this.deps.save(after);
        return [one, undefined, after];
      }),
    );
    this.#settle(steps);
    for (const [, , done] of steps) if (done) this.deps.onDone(done);
    if (first && verdictOf(result) === 'gone') this.deps.onGone(first);
  }

  #after(one: PlacedDelivery, result: WebhookResult, random: number): PlacedDelivery {
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
    const wait = waitAfter(attempts, random, asked, this.options().waits);
    if (wait === undefined) return { ...one, delivery: { ...attempt, state: 'parked' } };
    return { ...one, delivery: { ...attempt, nextAttemptAt: now + wait } };
  }

  /** Puts each one's successor in its place, or takes it out, and schedules what is first then. */
  #settle(steps: readonly Step[]): void {
    const touched = new Set<string>();
    for (const [before, after] of steps) {
      const lane = this.#lanes.get(before.delivery.incident);
      const at = lane?.indexOf(before) ?? -1;
      if (!lane || at < 0) continue;
      lane.splice(at, 1, ...(after ? [after] : []));
      touched.add(before.delivery.incident);
    }
    for (const incident of touched) {
      const head = this.#lanes.get(incident)?.[0];
      if (head) this.#due.push(head.delivery.nextAttemptAt, head);
      else this.#lanes.delete(incident);
    }
  }
}

/** What became of a delivery: its successor if it is tried again, else how it ended. */
type Step = readonly [before: PlacedDelivery, after: PlacedDelivery | undefined, done?: PlacedDelivery];

function isExpired({ delivery }: PlacedDelivery, now: number): boolean {
  return delivery.expiresAt > 0 && now > delivery.expiresAt;
}
