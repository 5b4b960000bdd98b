import type { Kafka, Producer } from 'kafkajs';
import type { Incident, IncidentRules } from '../../alerting/incidents.js';
import type { RelatedRules } from '../../alerting/parents.js';
import type { Logger } from '../../lib/log.js';
import type { Table } from '../../lib/table.js';
import type { TopicReader } from '../../lib/topic-reader.js';
import type { TopicNames } from '../../lib/topics.js';
import type { AnnounceDeps } from './announce.js';
import type { Delivery } from './delivery.js';
import type { DeliveryWorker } from './delivery-worker.js';
import type { PartitionState } from './partition-state.js';
import type { Codecs } from './records.js';
import type { Related } from './related.js';
import type { View } from './views.js';

export interface FlowDeps extends AnnounceDeps {
  kafka: Kafka;
  producer: Producer;
  reader: TopicReader;
  topics: TopicNames;
  groupId: string;
  sessionTimeoutMs: number;
  codecs: Codecs;
  incidents: Table<Incident>;
  deliveries: Table<Delivery>;
  worker: DeliveryWorker;
  rules: IncidentRules;
  related: RelatedRules;
  /** incidents of all partitions */
  view: View<Incident>;
  /** how many partitions the topics have */
  partitions: number;
  /** how often incidents are looked over for those that went quiet, and old records for those to give up */
  sweepMs: number;
  /** closed incidents and finished deliveries are kept this long */
  retentionMs: number;
  log: Logger;
  figures: {
    opened(pipeline: string): void;
    lag(topic: string, partition: number, records: number): void;
    released(topic: string, partition: number): void;
  };
  /** the flow can't go on */
  onEnd(error: Error): void;
}

/** What is held of a partition of ours. */
export interface Owned {
  partition: number;
  state: PartitionState;
  related: Related;
}
