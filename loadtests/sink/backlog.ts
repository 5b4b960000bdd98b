import type { Producer } from 'kafkajs';
import { ownCodec } from '../../lib/avro.js';
import { type OutgoingRecord, sendBatches } from '../../lib/kafka.js';
import { topicNames } from '../../lib/topics.js';
import { loadRisk, sendRisks } from '../alerts/risks.js';
import type { Stage } from '../stage.js';

/** What waits for the sink in Kafka. */
export interface Backlog {
  readonly name: string;
  readonly title: string;
  readonly table: string;
  readonly rows: number;
  /** rows an event of the stream that the scorer reads */
  readonly share: number;
}

const PARTITIONS = 4;
/** of a micro-batch of 1,024 events when every tenth is sampled */
const SCORES_A_BLOCK = 102;

const MOST_RISKS = 400_000;
const MOST_SCORES = 3_000_000;

/** As many rows as there are events, at most as many as a measurement needs. */
export function backlogsOf(events: number): readonly Backlog[] {
  return [
    {
      name: 'risks',
      title: 'risks, when every hundredth event is one',
      table: 'risks',
      rows: Math.min(MOST_RISKS, events),
      share: 0.01,
    },
    {
      name: 'scores',
      title: 'scores, when every tenth is kept',
      table: 'scores',
      rows: Math.min(MOST_SCORES, events),
      share: 0.1,
    },
  ];
}

const START = Date.UTC(2026, 0, 1);
const CHUNK = 5_000;

export async function fillBacklog(
  stage: Stage,
  producer: Producer,
  prefix: string,
  { name, table, rows }: Backlog,
): Promise<void> {
  const names = topicNames(prefix);
  const topic = table === 'risks' ? names.risks : names.scores;
  await stage.kafka.createTopic(topic, { partitions: PARTITIONS });
  stage.say(`writing ${rows} ${name} …`);
  if (table === 'scores') return sendScores(producer, topic, rows);
  for (let from = 0; from < rows; from += CHUNK) {
    const risks = Array.from({ length: Math.min(CHUNK, rows - from) }, (_, i) =>
      loadRisk('transactions', 'DE', `card-${(from + i) % 100_000}`, from + i, START + from + i),
    );
    await sendRisks(producer, topic, PARTITIONS, risks);
  }
}

async function sendScores(producer: Producer, topic: string, rows: number): Promise<void> {
  const codec = ownCodec('score-block');
  let records: OutgoingRecord[] = [];
  for (let from = 0; from < rows; from += SCORES_A_BLOCK) {
    const offsets = Array.from({ length: Math.min(SCORES_A_BLOCK, rows - from) }, (_, i) => from + i);
    const value = codec.encode({
      pipeline: 'transactions',
      topic: 'transactions',
      partition: 0,
      model: 'load',
      sampling: 0.1,
      offsets,
      entities: offsets.map((offset) => `card-${offset % 100_000}`),
      domains: offsets.map(() => 'DE'),
      eventTimes: offsets.map((offset) => START + offset),
      scores: offsets.map((offset) => (offset % 700) / 100),
    });
    records.push({ key: null, value, partition: (from / SCORES_A_BLOCK) % PARTITIONS });
    if (records.length < 500) continue;
    await sendBatches(producer, topic, records);
    records = [];
  }
  await sendBatches(producer, topic, records);
}
