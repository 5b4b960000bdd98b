import { join } from 'node:path';
import { EventColumns } from '../../detection/features/columns.js';
import { keptSeconds } from '../../detection/labels/label-book.js';
import { LabelLog } from '../../detection/labels/label-log.js';
import type { LabelRecord, Visits } from '../../detection/labels/records.js';
import { PartitionScorer } from '../../detection/scoring.js';
import { ownCodec } from '../../lib/avro.js';
import { partitionOf } from '../../lib/partitioner.js';
import { packageRoot } from '../../lib/paths.js';
import { untrainedModel } from '../../loadtests/quality/stream.js';
import { loadPipelines, type Pipeline } from '../../pipelines/loader.js';
import { KINDS } from '../../pipelines/transactions/frauds.js';
import { type Payment, transactionsSource } from '../../pipelines/transactions/generator.js';
import { Intake } from '../../services/scorer/intake.js';
import { type FeedbackRecord, labelOf } from '../../services/scorer/labels.js';
import { type VisitsRecord, visitsOf, visitsRecordOf } from '../../services/scorer/visits-record.js';

/**
 * Four partitions in two scorers that read labels and each other's windows some time after they were written, against
 * one scorer that scores the partitions one after the other, with all of it there from the beginning.
 */
const PARTITIONS = 4;
const DAY = 86_400_000;
const SECONDARY = 'terminal';

interface Event {
  readonly payment: Payment;
  readonly fraud: boolean;
  readonly partition: number;
}

function payments(): Event[] {
  const events: Event[] = [];
  const source = transactionsSource({
    ...{ seed: 5, plain: true, customers: 250, terminals: 120, days: 40, terminalsPerDay: 1, cardsPerDay: 1 },
  });
  for (const batch of source.batches() as Iterable<{
    keys: readonly string[];
    events: readonly Payment[];
    truth: readonly { index: number; record: { kind?: string } }[];
  }>) {
    const frauds = new Set(
      batch.truth.flatMap(({ index, record }) => (KINDS.indexOf(record.kind as never) > 0 ? [index] : [])),
    );
    batch.events.forEach((payment, i) => {
      const partition = partitionOf(batch.keys[i]!, PARTITIONS);
      events.push({ payment, fraud: frauds.has(i), partition });
    });
  }
  return events;
}

/** One partition in a process, its log shared with the process's other partitions. */
class Part {
  readonly scorer: PartitionScorer;
  readonly surprises: number[] = [];
  readonly #intake: Intake;
  readonly #columns: EventColumns;
  #offset = 0;

  constructor(
    pipeline: Pipeline,
    partition: number,
    log: LabelLog,
    private readonly batch: number,
  ) {
    const model = untrainedModel(pipeline, 500);
    this.scorer = new PartitionScorer(model, {
      ...{ budget: 20, quietSeconds: 3600, partitions: PARTITIONS, maxEntities: 1000, capacity: batch },
      labels: { settings: pipeline.labels!, log, name: `transactions/${partition}` },
    });
    this.#intake = new Intake(pipeline, model.plan, (zone) => this.scorer.engine.knowsZone(zone));
    this.#columns = new EventColumns(batch, model.plan.numbers.length, model.plan.categories.length);
  }

  /** @returns windows that the event's micro-batch has closed, if the event was its last */
  take(event: Event): readonly Visits[] {
    const { payment } = event;
    const fields = payment as unknown as Record<string, unknown>;
    const none = Number.NEGATIVE_INFINITY;
    const columns = this.#columns;
    expect(this.#intake.take(fields, payment.card, this.#offset++, Number.NaN, none, columns)).toBe('taken');
    return columns.size === this.batch ? this.flush() : [];
  }

  flush(): readonly Visits[] {
    if (this.#columns.size === 0) return [];
    const { surprise, size } = this.scorer.score(this.#columns);
    this.surprises.push(...surprise.subarray(0, size));
    this.#columns.size = 0;
    return this.scorer.second!.takeClosed();
  }
}

/** What goes over Kafka, as the bytes that it is there. */
function wire(pipeline: Pipeline) {
  const feedback = ownCodec<FeedbackRecord & Record<string, unknown>>('feedback');
  const visits = ownCodec<VisitsRecord>('visits');
  const { delay } = pipeline.labels!;
  return {
    label: (event: Event, given: number): LabelRecord => {
      const { id, card, time, terminal } = event.payment;
      const bytes = feedback.encode({
        ...{ id, pipeline: 'transactions', domain: 'd', entity: card, eventTime: time, label: 'risk' },
        ...{ givenAt: given, givenBy: 'bank', secondary: { [SECONDARY]: terminal }, surprise: 0 },
      });
      return labelOf(feedback.decode(bytes), [SECONDARY]);
    },
    visits: (closed: Visits): LabelRecord => {
      const bytes = visits.encode(visitsRecordOf(closed, 'transactions', SECONDARY));
      return visitsOf(visits.decode(bytes), 0, delay);
    },
  };
}

test('partitions in two scorers give the scores that a rerun in one gives', async () => {
  const root = packageRoot();
  const [shipped] = await loadPipelines(join(root, 'pipelines'), join(root, 'schemas'), ['transactions']);
  const labels = { ...shipped!.labels!, delay: 3 * 86_400, hold: 2048 };
  const pipeline: Pipeline = { ...shipped!, labels };
  const { label, visits } = wire(pipeline);
  const events = payments();
  const logs = [0, 1].map(() => new LabelLog(keptSeconds(labels.delay, labels.window)));
  const parts = Array.from({ length: PARTITIONS }, (_, p) => new Part(pipeline, p, logs[p % 2]!, 50 + p));

  // Messages by the event time at which they were written; each scorer reads them later, the second one in another order.
  const all: LabelRecord[] = [];
  const under: { at: number; record: LabelRecord }[] = [];
  let late = 0;
  const write = (at: number, record: LabelRecord) => {
    all.push(record);
    under.push({ at, record });
  };
  let next = 0;
  const read = (now: number) => {
    if (now < next) return;
    next = now + 10 * 60_000;
    const ready = under.filter(({ at }) => at <= now - 20 * 60_000);
    for (const { record } of ready) late += logs[0]!.add(record);
    for (const { record } of ready.reverse()) late += logs[1]!.add(record);
    for (const one of ready) under.splice(under.indexOf(one), 1);
  };
  for (const event of events) {
    const now = event.payment.time;
    read(now);
    for (const closed of parts[event.partition]!.take(event)) write(now, visits(closed));
    if (event.fraud) {
      const given = now + labels.delay * 1000;
      write(given, label(event, given));
    }
  }
  for (const part of parts) part.flush();
  expect(late).toBe(0);

  const one = new LabelLog();
  for (const record of all) one.add(record);
  const again = Array.from({ length: PARTITIONS }, (_, partition) => {
    const part = new Part(pipeline, partition, one, 211);
    for (const event of events) if (event.partition === partition) part.take(event);
    part.flush();
    return part;
  });
  expect(again.map(({ surprises }) => surprises)).toEqual(parts.map(({ surprises }) => surprises));

  // It was not for nothing: labels of all partitions are learned from in each, and all have begun to speak.
  expect(events.at(-1)!.payment.time - events[0]!.payment.time).toBeGreaterThan(30 * DAY);
  for (const { scorer } of parts) {
    expect(scorer.second!.on).toBe(true);
    expect(scorer.second!.book.followed).toBe(parts[0]!.scorer.second!.book.followed);
  }
  expect(parts[0]!.scorer.second!.book.followed).toBeGreaterThan(10);
}, 120_000);
