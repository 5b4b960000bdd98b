import type { Producer } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { riskId } from '../../lib/ids.js';
import { sendBatches } from '../../lib/kafka.js';
import { partitionOf } from '../../lib/partitioner.js';

export interface LoadRisk {
  id: string;
  pipeline: string;
  domain: string;
  entity: string;
  /** of its event, in the input topic */
  offset: number;
  eventTime: number;
}

export function loadRisk(
  pipeline: string,
  domain: string,
  entity: string,
  offset: number,
  at: number,
): LoadRisk {
  return { id: riskId(pipeline, 'load', 0, offset), pipeline, domain, entity, offset, eventTime: at };
}

const codec = ownCodec('risk');

/** Sends risks to the partitions of their keys, scored now. */
export async function sendRisks(
  producer: Producer,
  topic: string,
  partitions: number,
  risks: readonly LoadRisk[],
): Promise<void> {
  const scoredAt = Date.now();
  const records = risks.map((risk) => {
    const key = `${risk.pipeline}|${risk.entity}`;
    const value = codec.encode({
      ...risk,
      eventId: '',
      timeZone: 'UTC',
      scoredAt,
      topic: 'load',
      partition: 0,
      score: 6,
      pValue: 1e-6,
      threshold: 4,
      severity: 'high',
      detectors: { memory: 6 },
      reasons: [
        {
          feature: 'flow.change',
          field: 'flow',
          detector: 'memory',
          observed: 2,
          expected: 20,
          unit: 'm³/h',
          direction: 'low',
          share: 0.8,
        },
      ],
      sentences: { en: 'The flow is far below this pump’s habit.', zh: '流量远低于该泵的惯常水平。' },
      context: { line: 'A' },
      model: 'load',
      degraded: false,
    });
    return { key, partition: partitionOf(key, partitions), value };
  });
  await sendBatches(producer, topic, records);
}
