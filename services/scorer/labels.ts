import type { Kafka, KafkaMessage, Producer } from 'kafkajs';
import { keptSeconds } from '../../detection/labels/label-book.js';
import { LabelLog } from '../../detection/labels/label-log.js';
import { effectiveFrom, type Label, type LabelRecord, type Visits } from '../../detection/labels/records.js';
import type { LabelSettings } from '../../detection/second-stage/second-stage.js';
import type { OwnCodec } from '../../lib/avro.js';
import { sendBatches } from '../../lib/kafka.js';
import type { Logger } from '../../lib/log.js';
import { followTopic } from '../../lib/topic-follower.js';
import type { TopicNames } from '../../lib/topics.js';
import type { Pipeline } from '../../pipelines/loader.js';
import { type VisitsRecord, visitsOf, visitsRecordOf } from './visits-record.js';

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
  const read = <R extends { readonly pipeline: string }, L extends LabelRecord>(
    topic: string,
    codec: OwnCodec<R>,
    said: (record: R, settings: LabelSettings) => L | undefined,
  ) => {
    return ({ value, offset }: KafkaMessage, partition: number) => {
      if (value === null) return;
      let pipeline: string;
      let one: L | undefined;
      try {
        const record = codec.decode(value);
        pipeline = record.pipeline;
        const settings = byName.get(pipeline)?.labels;
        one = settings && said(record, settings);
      } catch (error) {
        log.warn({ topic, partition, offset, error }, 'a record could not be read; it is passed over');
        return;
      }
      if (one === undefined) return;
      const late = logs.get(pipeline)!.add(one);
      counted(pipeline, one.type, late > 0);
    };
  };
  const onFeedback = read(names.feedback, codecs.feedback, (record, { secondary }) =>
    labelOf(record, secondary),
  );
  const onVisits = (topic: string) =>
    read(topic, codecs.visits, (record, { secondary, delay }) => {
      const field = secondary.indexOf(record.field);
      return field < 0 ? undefined : visitsOf(record, field, delay);
    });
  const followed: Awaited<ReturnType<typeof followTopic>>[] = [];
  const stop = async () => {
    await Promise.all(followed.map((following) => following.stop()));
  };
  try {
    if (using.length > 0) followed.push(await followTopic(kafka, names.feedback, { onRecord: onFeedback }));
    for (const { name } of using) {
      const topic = names.shared(name);
      followed.push(await followTopic(kafka, topic, { onRecord: onVisits(topic) }));
    }
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
      value: codec.encode(
        visitsRecordOf(visits, pipeline.name, pipeline.labels?.secondary[visits.field] ?? ''),
      ),
    })),
  );
}
