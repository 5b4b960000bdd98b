import { setTimeout as sleep } from 'node:timers/promises';
import { type DigestItem, digestId, digestItem, digestPayload, fitting } from '../../alerting/digest.js';
import type { BreakerState } from '../../lib/breaker.js';
import type { Logger } from '../../lib/log.js';
import { reasonOf } from '../../lib/retry.js';
import type { WebhookClient, WebhookResult } from '../../lib/webhook-http.js';
import type { Delivery, PlacedDelivery } from './delivery.js';
import { EndpointQueue, type QueueOptions } from './endpoint-queue.js';
import { type Endpoint, requestFor } from './endpoints.js';
import type { SecretBox } from './secret-box.js';
import { asTaken } from './taken.js';

export interface WorkerDeps {
  endpoint(id: string): Endpoint | undefined;
  client: WebhookClient;
  box: SecretBox;
  /** writes records and resolves when they are acked */
  save(one: PlacedDelivery): Promise<void>;
  /** the receiver said 410 to a delivery of this partition */
  disable(endpointId: string, reason: string, partition: number): Promise<void>;
  observe(endpointId: string, succeeded: boolean, partition: number): void;
  publicUrl(): string;
  owns(partition: number): boolean;
  now(): number;
  random(): number;
  log: Logger;
  figures: {
    result(result: 'succeeded' | 'failed' | 'parked' | 'dropped'): void;
    pending(count: number): void;
    breaker(endpointId: string, state: BreakerState | undefined): void;
  };
}

export interface DeliveryWorker {
  /** Takes pending deliveries whose records are acked. Those it has already are left as they are. */
  add(deliveries: readonly PlacedDelivery[]): void;
  /** Lets go of what belongs to partitions that are no longer ours. */
  release(partitions: readonly number[]): void;
  /** An endpoint was changed, disabled or deleted. */
  endpointChanged(id: string): void;
  breakerState(endpointId: string): BreakerState;
  readonly pending: number;
  /** No new attempts; those under way get until `graceMs`, then are given up (a restart sends them again). */
  stop(graceMs: number): Promise<void>;
}

/** How long a record that isn't acked waits for the next try; it goes on until acked, released or stopped. */
const SAVE_WAITS = [100, 500, 2_000, 5_000];

/** Sends the pending deliveries of the partitions that this replica owns, a queue for each endpoint. */
export function createDeliveryWorker(options: QueueOptions, deps: WorkerDeps): DeliveryWorker {
  const { log, figures } = deps;
  const queues = new Map<string, EndpointQueue>();
  /** deliveries not done, by id */
  const known = new Map<string, number>();
  const sending = new Set<Promise<unknown>>();
  const stopping = new AbortController();

  function count(): void {
    figures.pending(known.size);
  }

  async function post(batch: readonly PlacedDelivery[]): Promise<WebhookResult> {
    const { id, body, endpoint: endpointId } = messageOf(batch);
    const endpoint = deps.endpoint(endpointId);
    if (!endpoint)
      return { kind: 'failure', code: 'protocol', message: 'the endpoint was deleted', durationMs: 0 };
    let message: ReturnType<typeof requestFor>;
    try {
      message = requestFor(endpoint, deps.box, id, deps.now(), body);
    } catch (error) {
      log.error({ error, endpoint: endpoint.id, delivery: id }, 'a webhook could not be made');
      return { kind: 'failure', code: 'protocol', message: reasonOf(error), durationMs: 0 };
    }
    const exchange = deps.client
      .post(message.url, message.headers, message.body, stopping.signal)
      .then((result) => asTaken(endpoint, result));
    sending.add(exchange);
    return exchange.finally(() => sending.delete(exchange));
  }

  /** What is sent: the one delivery as it is stored, or a digest of several. */
  function messageOf(batch: readonly PlacedDelivery[]): { id: string; body: Buffer; endpoint: string } {
    const { id, body, endpoint } = batch[0]!.delivery;
    if (batch.length === 1) return { id, body, endpoint };
    const items = itemsOf(batch);
    return {
      id: digestId(items.map((one) => one.webhookId)),
      body: digestPayload(items, deps.publicUrl(), deps.now()),
      endpoint,
    };
  }

  async function save(one: PlacedDelivery): Promise<void> {
    for (let tries = 0; !stopping.signal.aborted; tries += 1) {
      try {
        return await deps.save(one);
      } catch (error) {
        if (!deps.owns(one.partition)) return;
        log.warn(
          { error, delivery: one.delivery.id },
          'the record of a delivery was not acked; it is written again',
        );
        await sleep(SAVE_WAITS[Math.min(tries, SAVE_WAITS.length - 1)], undefined, {
          signal: stopping.signal,
        }).catch(() => {});
      }
    }
  }

  function savedBeforeStop(one: PlacedDelivery): Promise<void> {
    const saving = save(one);
    sending.add(saving);
    return saving.finally(() => sending.delete(saving));
  }

  function done(one: PlacedDelivery): void {
    if (known.delete(one.delivery.id)) count();
    const { state } = one.delivery;
    if (state !== 'pending') figures.result(state);
    if (state === 'parked') {
      log.warn(
        {
          delivery: one.delivery.id,
          endpoint: one.delivery.endpoint,
          attempts: one.delivery.attempts,
          lastError: one.delivery.lastError,
        },
        'a delivery was parked after its last try',
      );
    }
  }

  function queueOf(endpointId: string): EndpointQueue {
    const present = queues.get(endpointId);
    if (present) return present;
    const limits = (): QueueOptions => {
      const { concurrency, ratePerMinute } = deps.endpoint(endpointId) ?? {};
      return {
        ...options,
        ...(concurrency === undefined ? {} : { concurrency }),
        ...(ratePerMinute === undefined ? {} : { ratePerMinute }),
      };
    };
    const queue = new EndpointQueue(endpointId, limits, {
      post,
      digest: (candidates) => fitting(itemsOf(candidates)),
      save: savedBeforeStop,
      owns: deps.owns,
      onDone: done,
      onFailedAttempt: () => figures.result('failed'),
      onOutcome: (one, succeeded) => deps.observe(endpointId, succeeded, one.partition),
      onGone: (one) => {
        deps
          .disable(endpointId, 'the receiver answered 410 Gone', one.partition)
          .catch((error: unknown) =>
            log.error({ error, endpoint: endpointId }, 'an endpoint that is gone could not be disabled'),
          );
      },
      onBreaker: (state) => {
        figures.breaker(endpointId, state);
        log.info({ endpoint: endpointId, state }, 'the breaker of an endpoint changed');
      },
      now: deps.now,
      random: deps.random,
    });
    queues.set(endpointId, queue);
    figures.breaker(endpointId, queue.breakerState);
    return queue;
  }

  /** Deliveries whose endpoint is deleted or disabled are not sent: their records say so. */
  function drop(one: PlacedDelivery): void {
    const endpoint = deps.endpoint(one.delivery.endpoint);
    const lastError = endpoint
      ? `the endpoint is disabled: ${endpoint.stateReason}`
      : 'the endpoint was deleted';
    const dropped = {
      ...one,
      delivery: { ...one.delivery, state: 'dropped' as const, updatedAt: deps.now(), lastError },
    };
    void savedBeforeStop(dropped).then(() => done(dropped));
  }

  return {
    add(deliveries) {
      for (const one of deliveries) {
        if (stopping.signal.aborted || one.delivery.state !== 'pending' || known.has(one.delivery.id))
          continue;
        known.set(one.delivery.id, one.partition);
        if (deps.endpoint(one.delivery.endpoint)?.state === 'enabled')
          queueOf(one.delivery.endpoint).add(one);
        else drop(one);
      }
      count();
    },
    release(partitions) {
      const lost = new Set(partitions);
      for (const queue of queues.values()) queue.remove((one) => lost.has(one.partition));
      for (const [id, partition] of known) if (lost.has(partition)) known.delete(id);
      count();
    },
    endpointChanged(id) {
      if (deps.endpoint(id)?.state === 'enabled') return;
      const queue = queues.get(id);
      if (!queue) return;
      for (const one of queue.remove(() => true)) drop(one);
      queue.stop();
      queues.delete(id);
      figures.breaker(id, undefined);
    },
    breakerState: (id) => queues.get(id)?.breakerState ?? 'closed',
    get pending() {
      return known.size;
    },
    async stop(graceMs) {
      for (const queue of queues.values()) queue.stop();
      const limit = new AbortController();
      await Promise.race([
        settled(sending),
        sleep(graceMs, undefined, { signal: limit.signal }).catch(() => {}),
      ]);
      limit.abort();
      stopping.abort();
      await settled(sending);
      queues.clear();
      known.clear();
    },
  };
}

/** Those before the first that isn't an incident's change: notices of the service itself go out alone. */
function itemsOf(batch: readonly PlacedDelivery[]): DigestItem[] {
  const items: DigestItem[] = [];
  for (const { delivery } of batch) {
    const item = digestItem(delivery.id, delivery.body);
    if (!item) break;
    items.push(item);
  }
  return items;
}

/** Waits until a set of promises that empties itself is empty. */
async function settled(work: ReadonlySet<Promise<unknown>>): Promise<void> {
  while (work.size > 0) await Promise.allSettled([...work]);
}

/** Deliveries of one change carry equal bodies: after a restore they share one again. */
export function shareBodies(deliveries: readonly PlacedDelivery[]): PlacedDelivery[] {
  const bodies = new Map<string, Buffer>();
  return deliveries.map((one) => {
    const key = `${one.delivery.incident}/${one.delivery.change}`;
    const body = bodies.get(key);
    if (!body?.equals(one.delivery.body)) {
      bodies.set(key, one.delivery.body);
      return one;
    }
    return { ...one, delivery: { ...one.delivery, body } satisfies Delivery };
  });
}
