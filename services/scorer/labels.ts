import type { Kafka, KafkaMessage, Producer } from 'kafkajs';
import { keptSeconds } from '../../detection/labels/label-book.js';
import { LabelLog } from '../../detection/labels/label-log.js';
import { effectiveFrom, type Label, type Visits } from '../../detection/labels/records.js';
import type { OwnCodec } from '../../lib/avro.js';
import { sendBatches } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import { followTopic } from '../../lib/topic-follower.js';
import type { TopicNames } from '../../lib/topics.js';
import type { Pipeline } from '../../pipelines/loader.js';

/** A record of riskwire.feedback, as far as the scorer needs it. Times are epoch ms. */
export interface FeedbackRecord {
  readonly id: string;
  readonly pipeline: string;
  readonly entity: string;
  readonly eventTime: number;
  readonly label: 'risk' | 'falseAlarm';
  readonly givenAt: number;
  readonly secondary: Readonly<Record<string, string>>;
  readonly surprise: number;
}

/** A record of riskwire.shared.<pipeline>: a closed window's visits of one secondary field in one partition. */
export interface VisitsRecord {
  readonly id: string;
  readonly pipeline: string;
  readonly field: string;
  /** epoch ms, `to` exclusive */
  readonly from: number;
  readonly to: number;
  readonly keys: readonly string[];
  readonly counts: readonly number[];
}

export interface LabelsDependencies {
  readonly kafka: Kafka;
  readonly names: TopicNames;
  readonly log: Logger;
  readonly codecs: { readonly feedback: OwnCodec<FeedbackRecord>; readonly visits: OwnCodec<VisitsRecord> };
  /** a label or window was taken in; `late` when partitions had scored its hour already */
  readonly counted: (pipeline: string, kind: 'label' | 'visits', late: boolean) => void;
}

export interface Labels {
  /** the log of a pipeline that uses labels */
  of(pipeline: string): LabelLog | undefined;
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

/**
 * Reads all labels and all closed windows of visits, whoever they come from: labels are few, so every scorer keeps them
 * all, and no event needs to be sent on by another key. Returns when what was there at the start has been read, so that
 * a partition that is restored finds what it had seen.
 */
export async function followLabels(
  pipelines: readonly Pipeline[],
  { kafka, names, log, codecs, counted }: LabelsDependencies,
): Promise<Labels> {
  const using = pipelines.filter(({ labels }) => labels !== undefined);
  const logs = new Map(
    using.map(({ name, labels }) => [name, new LabelLog(keptSeconds(labels!.delay, labels!.window))]),
  );
  const byName = new Map(using.map((pipeline) => [pipeline.name, pipeline]));
  const read = <T>(what: string, codec: OwnCodec<T>, take: (record: T) => void) => {
    return ({ value, offset }: KafkaMessage, partition: number) => {
      if (value === null) return;
      let record: T;
      try {
        record = codec.decode(value);
      } catch (error) {
        log.warn({ topic: what, partition, offset, error }, 'a record could not be read; it is passed over');
        return;
      }
      take(record);
    };
  };
  const onFeedback = read(names.feedback, codecs.feedback, (record) => {
    const pipeline = byName.get(record.pipeline);
    if (pipeline?.labels === undefined) return;
    const late = logs.get(record.pipeline)!.add(labelOf(record, pipeline.labels.secondary));
    counted(record.pipeline, 'label', late > 0);
  });
  const onVisits = read('visits', codecs.visits, (record) => {
    const pipeline = byName.get(record.pipeline);
    if (pipeline?.labels === undefined) return;
    const field = pipeline.labels.secondary.indexOf(record.field);
    if (field < 0) return;
    const late = logs.get(record.pipeline)!.add(visitsOf(record, field, pipeline.labels.delay));
    counted(record.pipeline, 'visits', late > 0);
  });
  const followed: Awaited<ReturnType<typeof followTopic>>[] = [];
  const stop = async () => {
    await Promise.all(followed.map((following) => following.stop()));
  };
  try {
    if (using.length > 0) followed.push(await followTopic(kafka, names.feedback, { onRecord: onFeedback }));
    for (const { name } of using)
      followed.push(await followTopic(kafka, names.shared(name), { onRecord: onVisits }));
  } catch (error) {
    await stop();
    throw error;
  }
  const failed = Promise.race([new Promise<never>(() => undefined), ...followed.map((one) => one.failed)]);
  failed.catch(() => undefined);
  return { of: (pipeline) => logs.get(pipeline), failed, stop };
}

export function labelOf(record: FeedbackRecord, secondary: readonly string[]): Label {
  return {
    type: 'label',
    id: record.id,
    entity: record.entity,
    time: record.eventTime / 1000,
    secondary: secondary.map((field) => record.secondary[field] ?? ''),
    risk: record.label === 'risk',
    surprise: record.surprise,
    // Nobody can judge an event before it happened; a clock that says so doesn't make the label count earlier.
    effectiveAt: effectiveFrom(Math.max(record.givenAt, record.eventTime) / 1000),
  };
}

export function visitsOf(record: VisitsRecord, field: number, delay: number): Visits {
  const to = record.to / 1000;
  return {
    type: 'visits',
    id: record.id,
    field,
    from: record.from / 1000,
    to,
    keys: record.keys,
    counts: record.counts,
    effectiveAt: effectiveFrom(to + delay),
  };
}

/** Sends closed windows to all scorers; the same window has the same key and content whoever closes it again. */
export function sendVisits(
  producer: Producer,
  names: TopicNames,
  pipeline: Pipeline,
  closed: readonly Visits[],
  codec: OwnCodec<VisitsRecord>,
): Promise<unknown> {
  return sendBatches(
    producer,
    names.shared(pipeline.name),
    closed.map((visits) => ({
      key: visits.id,
      value: codec.encode({
        id: visits.id,
        pipeline: pipeline.name,
        field: pipeline.labels?.secondary[visits.field] ?? '',
        from: visits.from * 1000,
        to: visits.to * 1000,
        keys: visits.keys,
        counts: visits.counts,
      }),
    })),
  );
}
