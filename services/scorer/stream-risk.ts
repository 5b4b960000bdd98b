import type { KafkaMessage } from 'kafkajs';
import type { Undecodable } from '../../lib/dead-letter-reasons.js';
import { streamRiskId } from '../../lib/ids.js';
import type { Risk } from './risks.js';

export interface StreamRiskSource {
  readonly pipeline: string;
  readonly topic: string;
  readonly partition: number;
  /** the first message of this partition that was written so */
  readonly message: KafkaMessage;
  readonly model: string;
  /** epoch ms */
  readonly now: number;
}

/**
 * What is wrong with a stream itself: its events are written with a schema that this pipeline can't read, so they are
 * dead letters, and somebody must know that they aren't watched. Its id follows from the schema's fingerprint, so all
 * partitions, replicas and restarts tell of the same thing, under one entity of its own, and it becomes one incident.
 */
export function streamRisk(source: StreamRiskSource, { reason, detail, writer = '' }: Undecodable): Risk {
  const { pipeline, topic, partition, message } = source;
  return {
    kind: 'stream',
    id: streamRiskId(pipeline, topic, writer),
    pipeline,
    domain: 'stream',
    entity: `${topic} schema ${writer}`,
    eventId: '',
    eventTime: Number(message.timestamp),
    timeZone: 'UTC',
    scoredAt: source.now,
    topic,
    partition,
    offset: Number(message.offset),
    origin: -1,
    // Not a question of likelihood: the score says nothing here.
    score: 0,
    pValue: 1,
    threshold: 0,
    severity: 'high',
    detectors: {},
    reasons: [],
    sentences: {
      en: `Events of ${topic} are written with a schema that ${pipeline} can't read, and become dead letters: ${detail}`,
      zh: `${topic} 的部分事件使用了流水线 ${pipeline} 无法读取的模式（指纹 ${writer}），已进入死信：${detail}`,
    },
    context: {
      topic,
      schema: writer,
      reason,
      deadLetters: `riskwire dead-letters list --topic ${topic} --reason ${reason}`,
    },
    model: source.model,
    degraded: false,
    secondary: {},
    firstScore: 0,
  };
}
